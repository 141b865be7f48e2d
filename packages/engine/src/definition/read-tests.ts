/** Reads the tests of a workflow from untrusted input. */
import { FORMAT } from './limits.ts';
import { type Reader, id, json, list, number, object, oneOf, optional, record, required, text } from './reading.ts';
import type { MockedReply, TestExpectation, WorkflowTest } from './types.ts';

const line = (max: number): Reader<string> => text({ min: 1, max, oneLine: true });

const mockedReply: Reader<MockedReply> = object<MockedReply>({
  method: optional(line(20)),
  url: required(line(4000), ''),
  status: optional(number({ min: 200, max: 599, whole: true })),
  headers: optional(record(text({ max: 8000, oneLine: true }))),
  body: optional(json),
});

const expectation: Reader<TestExpectation> = object<TestExpectation>({
  node: required(id, ''),
  port: optional(id),
  items: required(list(json), []),
  ignore: optional(list(line(500))),
});

export const readTest: Reader<WorkflowTest> = object<WorkflowTest>({
  id: required(id, ''),
  name: required(line(FORMAT.maxNameLength), ''),
  trigger: optional(id),
  input: required(list(json), []),
  pins: optional(record(record(list(json)))),
  mocks: optional(list(mockedReply)),
  expect: required(list(expectation), []),
  ends: optional(oneOf('succeeded', 'failed')),
});
