"""A process that holds one grant by the means of requests-oauthlib. It takes the orders of worker.ts; a caller is a thread."""

import json
import os
import socket
import threading
import time

import requests
from requests.adapters import BaseAdapter
from requests_oauthlib import OAuth2Session

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
threading.stack_size(256 * 1024)

# An API in this process, for callers that only ask for the token.
HERE = "http://localhost/in-process"


class InProcess(BaseAdapter):
    """Responds to every request at once, with the token that it came with."""

    def send(self, request, **kwargs):
        response = requests.Response()
        response.status_code = 200
        response.request = request
        response.url = request.url
        response._content = request.headers["Authorization"].removeprefix("Bearer ").encode()
        return response

    def close(self):
        pass


class Holder:
    """Its token is in memory, or in a JSON file that is replaced as a whole."""

    def __init__(self, server, keeping, seed=None):
        self.path = keeping.get("path")
        self.works = True
        self.kept = None
        if seed is not None:
            self.save(seed)
        self.session = OAuth2Session(
            server["clientId"],
            token=foreign(self.load()),
            auto_refresh_url=server["tokenEndpoint"],
            auto_refresh_kwargs={"client_id": server["clientId"], "client_secret": server["clientSecret"]},
            token_updater=lambda token: self.save(kept(token)),
        )
        self.session.mount(HERE, InProcess())

    def load(self):
        if self.path is None:
            return self.kept
        with open(self.path, encoding="utf-8") as file:
            return json.load(file)

    def save(self, token):
        if not self.works:
            raise OSError("No space left on device")
        if self.path is None:
            self.kept = token
            return
        temporary = f"{self.path}.{os.getpid()}.{threading.get_ident()}"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(token, file)
        os.replace(temporary, self.path)

    def call(self, url):
        return self.session.get(url or HERE)


def foreign(token):
    return {
        "access_token": token["accessToken"],
        "refresh_token": token["refreshToken"],
        "token_type": "Bearer",
        "expires_at": token["expiresAt"] / 1000,
    }


def kept(token):
    now = time.time()
    return {
        "accessToken": token["access_token"],
        "refreshToken": token.get("refresh_token", ""),
        "receivedAt": now * 1000,
        "expiresAt": token.get("expires_at", now) * 1000,
    }


def storm(holder, order):
    begin = threading.Event()
    failures = []

    def caller():
        begin.wait()
        try:
            holder.call(order.get("url")).raise_for_status()
        except Exception as error:  # Whatever a caller gets is counted.
            failures.append(error)

    threads = [threading.Thread(target=caller, daemon=True) for _ in range(order["callers"])]
    for thread in threads:
        thread.start()
    time.sleep(max(0, order.get("startAt", 0) / 1000 - time.time()))
    started = time.time()
    begin.set()
    for thread in threads:
        thread.join()
    return {"startedAt": started * 1000, "endedAt": time.time() * 1000, "failed": len(failures), "blockedMs": None}


def ask(holder, order):
    try:
        response = holder.call(order.get("url"))
        return {"status": response.status_code} if "url" in order else {"token": response.text}
    except Exception as error:  # Whatever the caller gets is the result.
        return {"error": repr(error)}


class Worker:
    """A method for each order."""

    def open(self, order):
        self.holder = Holder(order["server"], order["keeping"], order.get("seed"))

    def storm(self, order):
        return storm(self.holder, order)

    def ask(self, order):
        return ask(self.holder, order)

    def events(self, _):
        return []

    def save(self, token):
        self.holder.save(token)

    def setSaving(self, order):  # noqa: N802
        self.holder.works = order["works"]

    def close(self, _):
        self.holder = None


def main():
    parent = socket.socket(fileno=3)
    guard = threading.Lock()
    worker = Worker()

    def handle(request):
        try:
            reply = {"id": request["id"], "value": getattr(worker, request["name"])(request["order"])}
        except Exception as error:  # The parent reports it.
            reply = {"id": request["id"], "error": repr(error)}
        with guard:
            parent.sendall((json.dumps(reply) + "\n").encode())

    with parent.makefile("r", encoding="utf-8") as lines:
        for request in map(json.loads, lines):
            if request["name"] == "ask":
                # Other orders are taken while it waits.
                threading.Thread(target=handle, args=(request,), daemon=True).start()
            else:
                handle(request)


main()
