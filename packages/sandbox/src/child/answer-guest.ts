/** The few questions a guest may ask its host, all pure: text in, text out. Everything here treats its input as hostile. */

/** `undefined` is the answer to what is not understood. */
export function answerGuest(texts: readonly string[]): string | undefined {
  const [name, first, second, third] = texts;
  switch (name) {
    case 'seed':
      return JSON.stringify([...crypto.getRandomValues(new Int32Array(4))]);
    case 'url':
      return first === undefined ? undefined : urlParts(URL.parse(first, second));
    case 'urlSet':
      return first === undefined || second === undefined || third === undefined ? undefined : urlParts(changed(first, second, third));
    case 'queryParse':
      return JSON.stringify([...new URLSearchParams(first)]);
    case 'queryFormat':
      return formatQuery(first ?? '[]');
    default:
      return undefined;
  }
}

const writableParts = ['href', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash'] as const;

function changed(href: string, part: string, value: string): URL | null {
  const url = URL.parse(href);
  const known = writableParts.find((name) => name === part);
  if (url === null || known === undefined) return null;
  if (known === 'href') return URL.parse(value);
  url[known] = value;
  return url;
}

function urlParts(url: URL | null): string | undefined {
  if (url === null) return undefined;
  const { href, origin, protocol, username, password, host, hostname, port, pathname, search, hash } = url;
  return JSON.stringify({ href, origin, protocol, username, password, host, hostname, port, pathname, search, hash });
}

function formatQuery(text: string): string | undefined {
  let pairs: unknown;
  try {
    pairs = JSON.parse(text);
  } catch {
    return undefined;
  }
  const query = new URLSearchParams();
  for (const pair of Array.isArray(pairs) ? pairs : []) if (Array.isArray(pair)) query.append(String(pair[0]), String(pair[1]));
  return query.toString();
}
