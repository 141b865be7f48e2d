/** A key the author chose travels as the request's key, so that it is set once. */
export function splitKey(given: { readonly [name: string]: string }): {
  readonly headers: { readonly [name: string]: string };
  readonly key: string | undefined;
} {
  const name = Object.keys(given).find((one) => one.toLowerCase() === 'idempotency-key');
  if (name === undefined) return { headers: given, key: undefined };
  const { [name]: key, ...headers } = given;
  return { headers, key };
}
