import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const html = async (data: string, params: Params = {}) =>
  (await both(step('markdown').params(params).items([{ data }]))).items[0]?.['html'];

describe('markdown', () => {
  test('writes headings, lists, tables, code and links', async () => {
    expect(await html('# A *b*\n\n- x\n- y')).toBe('<h1>A <em>b</em></h1>\n<ul>\n<li>x</li>\n<li>y</li>\n</ul>\n');
    expect(await html('|a|\n|-|\n|1|')).toContain('<td>1</td>');
    expect(await html('```js\n<b>\n```')).toContain('<code class="language-js">&lt;b&gt;');
    expect(await html('[x](/a "t") <https://b.example/>')).toContain('<a href="/a" title="t">x</a> <a href="https://b.example/">');
    expect(await html('a\nb', { breaks: true })).toBe('<p>a<br>\nb</p>\n');
    expect(await html('see https://a.example/', { linkify: true })).toContain('<a href="https://a.example/">');
    expect(await html('![x](/y.png)')).toContain('<img src="/y.png" alt="x">');
    expect(await html('![x](/y.png)', { images: false })).not.toContain('<img');
  });

  test.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](java&#10;script:alert(1))',
    '[x](java&Tab;script:alert(1))',
    '[x](&#1;javascript:alert(1))',
    '[x](<java\tscript:alert(1)>)',
    '<javascript:alert(1)>',
    '[x](vbscript:x)',
    '[x](data:text/html,<script>alert(1)</script>)',
    '![x](data:image/svg+xml,<svg onload=alert(1)>)',
    '[x](file:///etc/passwd)',
    '![x](javascript:alert(1))',
    '[x]: javascript:alert(1)\n\n[x]',
    '[x](https://a.example/" onmouseover="alert(1))',
    '[x](/a "t\\" onmouseover=alert(1)")',
    '```"><script>alert(1)</script>\nx\n```',
  ])('%j stays harmless', async (text) => {
    const result = String(await html(text, { linkify: true }));
    const tags = [...result.matchAll(/<(?!\/)[^>]*>/g)].map(([tag]) => tag);
    for (const tag of tags) {
      expect(tag).toMatch(/^<(?:p|br|code|pre|em|strong|a|img)\b/);
      // What a browser makes of the address.
      const address = /(?:href|src)="([^"]*)"/.exec(tag)?.[1]?.replaceAll('&amp;', '&').replaceAll('&quot;', '"');
      if (address !== undefined) expect(new URL(address, 'https://site.example/').protocol).toBe('https:');
      expect(tag.replaceAll(/"[^"]*"/g, '')).not.toMatch(/\son\w+=/i);
    }
  });

  test('one item that cannot be written leaves the others alone', async () => {
    const run = await both(step('markdown').items([{ data: 'a' }, { data: 1 }, { data: 'x'.repeat(1_000_001) }, { data: 'b' }]));
    expect(run.items.map((one) => one['html'])).toEqual(['<p>a</p>\n', '<p>b</p>\n']);
    expect(run.from['main']).toEqual([[0], [3]]);
    expect(codes(run)).toEqual(['FIELD_NOT_TEXT', 'MARKDOWN_TOO_LONG']);
  });

  test('a long address that is used again and again does not fill the memory', async () => {
    for (const use of ['[x] ', '![x] ']) {
      const data = `[x]: https://a.example/?${'&a'.repeat(50_000)}\n\n${use.repeat(100_000)}`;
      const run = await step('markdown')
        .items([{ data }, { data: 'a' }])
        .run({ transport: 'in-process' });
      expect(codes(run)).toEqual(['MARKDOWN_TOO_LONG']);
      expect(run.items).toMatchObject([{ html: '<p>a</p>\n' }]);
    }
  });

  test.each([
    ['*', 40_000],
    ['[', 40_000],
    ['`', 40_000],
    ['> ', 20_000],
    ['![', 20_000],
    ['[a](', 20_000],
    ['<', 40_000],
    ['- ', 20_000],
    ['*a_ ', 20_000],
    ['|a', 20_000],
    ['\\', 40_000],
    ['&', 40_000],
    ['http://a.', 5_000],
  ])('%j again and again comes to an end', async (piece, count) => {
    for (const text of [piece.repeat(count), `${piece.repeat(count)}\n|-|`]) {
      const run = await step('markdown')
        .params({ linkify: true })
        .items([{ data: text }])
        .run({ transport: 'in-process' });
      expect(run.errors).toEqual([]);
    }
  });
});
