/** The address a Link header names for a relation, such as `<https://api.example.com/orders?page=2>; rel="next"`. */
export function linkTo(header: string, relation: string): string | undefined {
  for (const [, target = '', rest = ''] of header.slice(0, LENGTH_MAX).matchAll(/<([^<>]*)>([^<]*)/g)) {
    const found = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(rest);
    const relations = (found?.[1] ?? found?.[2] ?? '').toLowerCase().split(/\s+/);
    if (relations.includes(relation)) return target.trim();
  }
  return undefined;
}

const LENGTH_MAX = 16_384;
