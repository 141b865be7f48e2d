import type { LiveHook } from '@plugboard/persistence';
import { describe, expect, test } from 'vitest';
import { createHookLimits } from './hook-limits.ts';
import { type Route, routeOf } from './route-table.ts';

const route = (name: string, settings: LiveHook['settings'] = {}, workspaceId = 'w'): Route =>
  routeOf({
    id: name,
    workspaceId,
    workflowId: name,
    version: 1,
    nodeId: 'n',
    method: 'POST',
    pattern: name,
    patternNorm: name,
    reply: 'immediate',
    settings,
  });
const from = (address: string, isLocal = false) => ({ address, isLocal });
const passed = (times: number, take: () => boolean): number => Array.from({ length: times }, take).filter(Boolean).length;

describe('limits of webhooks', () => {
  test('one address meets its limit at one webhook, and neither another address nor another webhook does', () => {
    const limits = createHookLimits({ perCaller: 5, perWorkspace: () => 0 });
    expect(passed(30, () => limits.take(from('192.0.2.1'), route('a')))).toBe(10);
    expect(limits.take(from('192.0.2.2'), route('a'))).toBe(true);
    expect(limits.take(from('192.0.2.1'), route('b'))).toBe(true);
    expect(passed(30, () => limits.take(from('127.0.0.1', true), route('a')))).toBe(30);
  });

  test('all callers of a workspace meet its limit together, and another workspace does not', () => {
    const limits = createHookLimits({ perCaller: 0, perWorkspace: (id) => (id === 'w' ? 5 : 0) });
    let caller = 0;
    expect(passed(30, () => limits.take(from(`192.0.2.${(caller += 1)}`), route(`hook ${caller}`)))).toBe(10);
    expect(passed(30, () => limits.take(from('192.0.2.1'), route('elsewhere', {}, 'other')))).toBe(30);
  });

  test('what a webhook sets itself holds for everybody together, also on this machine', () => {
    const limits = createHookLimits({ perCaller: 0, perWorkspace: () => 0 });
    const own = route('own', { perMinute: 6 });
    expect(passed(10, () => limits.take(from('127.0.0.1', true), own))).toBe(6);
    expect(limits.take(from('192.0.2.1'), own)).toBe(false);
  });

  test('unknown paths share one bucket of an address', () => {
    const limits = createHookLimits({ perCaller: 5, perWorkspace: () => 0 });
    expect(passed(30, () => limits.takeUnknown(from('192.0.2.1')))).toBe(10);
  });

  test('wrong proofs are counted by address and webhook; asking takes nothing', () => {
    const limits = createHookLimits({ perCaller: 0, perWorkspace: () => 0 });
    expect(passed(1000, () => limits.mayTry(from('192.0.2.1'), route('a')))).toBe(1000);
    for (let i = 0; i < 60; i += 1) limits.wrong(from('192.0.2.1'), route('a'));
    expect(limits.mayTry(from('192.0.2.1'), route('a'))).toBe(false);
    expect(limits.mayTry(from('192.0.2.1'), route('b'))).toBe(true);
    expect(limits.mayTry(from('192.0.2.2'), route('a'))).toBe(true);
  });
});
