/** Where an OpenID provider may be. */

/** TLS, or this very machine; one spelling: what people type here is compared with what the provider says about itself. */
export function isIssuer(value: string): boolean {
  const url = URL.parse(value);
  if (!url || url.username !== '' || url.password !== '' || value.includes('?') || value.includes('#')) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname));
}
