/** An item as the database returns it. */
export type DynamodbItem = Record<string, { readonly S?: string | undefined; readonly N?: string | undefined }>

type Page = Promise<{ readonly Items?: DynamodbItem[] | undefined; readonly LastEvaluatedKey?: object | undefined }>

/** The part of a `DynamoDB` of `@aws-sdk/client-dynamodb` that the store uses. */
export interface DynamodbClient {
  getItem(request: object): Promise<{ readonly Item?: DynamodbItem | undefined }>
  updateItem(request: object): Promise<{ readonly Attributes?: DynamodbItem | undefined }>
  query(request: object): Page
  scan(request: object): Page
}

export type Values = Readonly<Record<string, string | number | undefined>>

/** Converts values to the database's form, without undefined ones. */
export function marshalled(values: Values): Record<string, { S: string } | { N: string }> {
  const marshal = (value: string | number): { S: string } | { N: string } =>
    typeof value === 'number' ? { N: `${value}` } : { S: value }
  const given = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, marshal(value)]]))
  return Object.fromEntries(given) as ReturnType<typeof marshalled>
}
