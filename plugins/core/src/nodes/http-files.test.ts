import { testFile } from '@plugboard/testing';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

const URL_TO = 'https://files.example.com/report';
const report = testFile('report "1".csv', 'a,b\n1,2\n', 'text/csv');
const withIt = (given: ReturnType<typeof step>) => given.files(report).input('main', [{ json: { n: 1 }, files: { data: report.ref } }]);

describe('http-request with files', () => {
  test('sends a file as the body, with its type and its length', async () => {
    const run = await both(
      withIt(step('http-request').params({ method: 'PUT', url: URL_TO, bodyKind: 'file' })).respond(URL_TO, (sent) => ({ got: sent.body })),
    );
    expect(run.items).toEqual([{ got: 'a,b\n1,2\n' }]);
    expect(run.requests[0]?.headers).toMatchObject({ 'content-type': 'text/csv', 'content-length': '8' });
    const typed = await both(
      withIt(
        step('http-request').params({ method: 'PUT', url: URL_TO, bodyKind: 'file', bodyFile: 'data', headers: { 'content-type': 'x/y' } }),
      ).respond(URL_TO, () => ({})),
    );
    expect(typed.requests[0]?.headers['content-type']).toBe('x/y');
    expect(codes(await both(step('http-request').params({ method: 'PUT', url: URL_TO, bodyKind: 'file' }).items([{}])))).toEqual([
      'FILE_MISSING',
    ]);
  });

  test('sends texts and files as a form in parts that a parser reads as they were', async () => {
    const params = { method: 'POST', url: URL_TO, bodyKind: 'multipart', body: { note: 'ü\r\n--' }, bodyFiles: { 'up"load': 'data' } };
    const run = await both(withIt(step('http-request').params(params)).respond(URL_TO, () => ({ ok: true })));
    const [sent] = run.requests;
    expect(Number(sent?.headers['content-length'])).toBe(Buffer.byteLength(sent?.body ?? ''));
    expect(await parsed(sent?.headers['content-type'] ?? '', sent?.body ?? '')).toEqual([
      ['note', 'ü\r\n--'],
      ['up"load', 'report "1".csv', 'text/csv', 'a,b\n1,2\n'],
    ]);
  });

  test.each([
    [{ 'content-disposition': 'attachment; filename="sum.pdf"' }, 'sum.pdf'],
    [{ 'content-disposition': `attachment; filename="x"; filename*=UTF-8''gr%C3%BC%C3%9Fe.pdf` }, 'grüße.pdf'],
    [{}, 'report'],
  ])('keeps an answer with the headers %j as the file %s, beside the files that came', async (headers, name) => {
    const bytes = new Uint8Array([0, 255, 1]);
    const answer = () => new Response(bytes, { headers: { 'content-type': 'application/pdf; x=y', ...headers } });
    const run = await both(withIt(step('http-request').params({ url: URL_TO, answer: 'file', answerFile: 'pdf' })).respond(URL_TO, answer));
    const ref = run.files[0]?.ref;
    expect(ref).toMatchObject({ name, mime: 'application/pdf', size: 3 });
    expect(run.files[0]?.bytes).toEqual(bytes);
    expect(run.ports['main']).toEqual([{ json: { ...ref }, files: { data: report.ref, pdf: ref } }]);
  });

  test('an error page is no file, and fails the item with its text', async () => {
    const run = await both(
      step('http-request')
        .params({ url: URL_TO, answer: 'file' })
        .items([{}])
        .respond(URL_TO, () => new Response('gone', { status: 404 })),
    );
    expect(run.errors[0]?.error).toMatchObject({ code: 'HTTP_404', data: { body: 'gone' } });
    expect(run.files).toEqual([]);
    const lenient = step('http-request').params({ url: URL_TO, answer: 'file', failOnStatus: false, full: true });
    expect((await both(lenient.items([{}]).respond(URL_TO, () => new Response('gone', { status: 404 })))).items).toMatchObject([
      { status: 404, body: 'gone' },
    ]);
  });
});

/** As the form reader of the platform has it: names of parts, and texts or files. */
async function parsed(contentType: string, body: string): Promise<unknown[]> {
  const form = await new Response(body, { headers: { 'content-type': contentType } }).formData();
  return Promise.all(
    [...form].map(async ([name, value]) =>
      typeof value === 'string' ? [name, value] : [name, value.name, value.type, await value.text()],
    ),
  );
}
