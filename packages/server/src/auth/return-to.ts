/** Where a browser goes after it signed in: a page of ours, whatever was asked for. */

const HOME = '/';
const LONGEST = 2000;

/** The path, or the start page for anything that a browser could take for another site. */
export function pageOfOurs(asked: string | undefined): string {
  if (asked === undefined || asked.length > LONGEST) return HOME;
  // Browsers drop control characters and take a backslash for a slash.
  if (!/^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/.test(asked)) return HOME;
  const url = URL.parse(asked, 'http://ours.invalid');
  if (!url || url.origin !== 'http://ours.invalid' || url.pathname.startsWith('//')) return HOME;
  return `${url.pathname}${url.search}${url.hash}`;
}
