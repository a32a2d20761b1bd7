"""A process that holds one grant by the means of requests-oauthlib, told by its parent over file descriptor 3.

The same orders as contestant-worker.ts takes; a caller is a thread.
"""

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
    """Answers every request at once, with the token that it came with."""

    def send(self, request, **kwargs):
        response = requests.Response()
        response.status_code = 200
        response.request = request
        response.url = request.url
        response._content = request.headers["Authorization"].removeprefix("Bearer ").encode()
        return response

    def close(self):
        pass


class Keep:
    """Where the application keeps its token: in memory, or in a JSON file that is replaced as a whole."""

    def __init__(self, keeping):
        self.path = keeping.get("path")
        self.works = True
        self.kept = None

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
        beside = f"{self.path}.{os.getpid()}.{threading.get_ident()}"
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(token, file)
        os.replace(beside, self.path)


class Holder:
    def __init__(self, server, keeping, seed=None):
        self.keep = Keep(keeping)
        if seed is not None:
            self.keep.save(seed)
        extra = {"client_id": server["clientId"], "client_secret": server["clientSecret"]}
        self.session = OAuth2Session(
            server["clientId"],
            token=foreign(self.keep.load()),
            auto_refresh_url=server["tokenEndpoint"],
            auto_refresh_kwargs=extra,
            token_updater=lambda token: self.keep.save(kept(token)),
        )
        self.session.mount(HERE, InProcess())

    def call(self, url):
        response = self.session.get(url or HERE)
        if response.status_code != 200:
            raise RuntimeError(f"status {response.status_code}")
        return response.text


def foreign(token):
    answer = {"access_token": token["accessToken"], "token_type": "Bearer", "expires_at": token["expiresAt"] / 1000}
    if token.get("refreshToken") is not None:
        answer["refresh_token"] = token["refreshToken"]
    return answer


def kept(token):
    now = time.time() * 1000
    result = {
        "accessToken": token["access_token"],
        "receivedAt": now,
        "expiresAt": token.get("expires_at", now / 1000) * 1000,
    }
    if token.get("refresh_token"):
        result["refreshToken"] = token["refresh_token"]
    return result


def words(error):
    message = str(error).split("\n", maxsplit=1)[0]
    return f"{type(error).__name__}: {message[:70]}"


def storm(holder, order):
    begin = threading.Event()
    guard = threading.Lock()
    failures = {}

    def caller():
        begin.wait()
        try:
            holder.call(order.get("url"))
        except Exception as error:  # Whatever a caller gets is counted.
            with guard:
                failures[words(error)] = failures.get(words(error), 0) + 1

    threads = [threading.Thread(target=caller, daemon=True) for _ in range(order["callers"])]
    for thread in threads:
        thread.start()
    if "startAt" in order:
        time.sleep(max(0, order["startAt"] / 1000 - time.time()))
    started = time.time()
    begin.set()
    for thread in threads:
        thread.join()
    ended = time.time()
    return {
        "startedAt": started * 1000,
        "endedAt": ended * 1000,
        "served": order["callers"] - sum(failures.values()),
        "failures": failures,
        "blockedMs": None,
    }


def ask(holder, order):
    try:
        text = holder.call(order.get("url"))
        return {"token": text} if order.get("url") is None else {"answered": True}
    except Exception as error:  # Whatever the caller gets is the answer.
        return {"failure": words(error)}


def main():
    parent = socket.socket(fileno=3)
    guard = threading.Lock()
    holder = None

    def send(reply):
        with guard:
            parent.sendall((json.dumps(reply) + "\n").encode())

    def ask_and_send(asked, request):
        send({"id": request["id"], "value": ask(asked, request["order"])})

    with parent.makefile("r", encoding="utf-8") as requests_of_parent:
        for line in requests_of_parent:
            request = json.loads(line)
            order = request["order"]
            reply = {"id": request["id"], "value": None}
            try:
                if request["name"] == "open":
                    holder = Holder(order["server"], order["keeping"], order.get("seed"))
                elif request["name"] == "storm":
                    reply["value"] = storm(holder, order)
                elif request["name"] == "ask":
                    # Other orders are taken while it waits.
                    threading.Thread(target=ask_and_send, args=(holder, request), daemon=True).start()
                    continue
                elif request["name"] == "told":
                    reply["value"] = []
                elif request["name"] == "save":
                    holder.keep.save(order)
                elif request["name"] == "setSaving":
                    holder.keep.works = order["works"]
                else:
                    holder = None
            except Exception as error:  # The parent reports it.
                reply = {"id": request["id"], "error": words(error)}
            send(reply)


main()
