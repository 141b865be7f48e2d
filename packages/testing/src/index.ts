/** The door of the test kit: runs plugins as the server does, and checks what every plugin must hold to. */
export { contractSuite } from './contract-suite.ts';
export type { ContractCheck, ContractOptions, ContractSample } from './contract-suite.ts';
export { fakeClock } from './fake-clock.ts';
export type { FakeClock } from './fake-clock.ts';
export { testFile } from './fake-reach.ts';
export type { TestFile, TestState } from './fake-reach.ts';
export { connectionError, fakeWeb } from './fake-web.ts';
export type { FakeWeb, Responder, SentRequest } from './fake-web.ts';
export { harness } from './harness.ts';
export type { Harness, HarnessParam, HarnessRun, RunOptions } from './harness.ts';
