// @vitest-environment node
/** The promises of the design about contrast, computed from the tokens as they are. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const css = readFileSync(new URL('tokens.css', import.meta.url), 'utf8');

type Rgb = readonly [number, number, number];

function tokensOf(theme: 'dark' | 'light'): ReadonlyMap<string, string> {
  const start = css.indexOf(`[data-theme='${theme}'] {`);
  const body = css.slice(css.indexOf('{', start) + 1, css.indexOf('}', start));
  return new Map([...body.matchAll(/--([\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name as string, value as string]));
}

function parse(colour: string): { rgb: Rgb; alpha: number } {
  const hex = /^#([\da-f]{6})$/i.exec(colour)?.[1];
  if (hex) return { rgb: [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb, alpha: 1 };
  const parts = /^rgba\(([\d., ]+)\)$/.exec(colour)?.[1]?.split(',').map(Number);
  if (parts?.length !== 4) throw new Error(`not a colour: ${colour}`);
  return { rgb: [parts[0] as number, parts[1] as number, parts[2] as number], alpha: parts[3] as number };
}

function over(front: string, back: string): Rgb {
  const { rgb, alpha } = parse(front);
  const below = parse(back).rgb;
  return rgb.map((value, index) => value * alpha + (below[index] as number) * (1 - alpha)) as unknown as Rgb;
}

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ratio(a: Rgb, b: Rgb): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const TEXT = ['ink', 'ink-2', 'ink-3', 'accent-ink', 'ok', 'bad', 'warn', 'ai', 'pin'];
const SHAPES = ['control', 'cable', 'socket', 'accent'];
const TINTED = [
  ['ok', 'ok-soft'],
  ['bad', 'bad-soft'],
  ['warn', 'warn-soft'],
  ['ai', 'ai-soft'],
  ['pin', 'pin-soft'],
  ['accent-ink', 'accent-soft'],
  ['ink-2', 'mute-soft'],
] as const;

describe.each(['dark', 'light'] as const)('the %s theme', (theme) => {
  const tokens = tokensOf(theme);
  const get = (name: string): string => {
    const value = tokens.get(name);
    if (value === undefined) throw new Error(`no token --${name}`);
    return value;
  };
  const solid = (name: string): Rgb => parse(get(name)).rgb;

  test.each(TEXT.flatMap((text) => ['board', 'app', 'panel', 'plate', 'raise', 'well'].map((surface) => [text, surface] as const)))(
    'text in %s is readable on %s',
    (text, surface) => {
      expect(ratio(solid(text), solid(surface))).toBeGreaterThanOrEqual(4.5);
    },
  );

  test.each(SHAPES.flatMap((shape) => ['board', 'panel', 'plate'].map((surface) => [shape, surface] as const)))(
    '%s can be told from %s',
    (shape, surface) => {
      expect(ratio(solid(shape), solid(surface))).toBeGreaterThanOrEqual(3);
    },
  );

  test.each(TINTED.flatMap(([text, tint]) => ['board', 'panel', 'plate'].map((surface) => [text, tint, surface] as const)))(
    'text in %s is readable on its tint %s over %s',
    (text, tint, surface) => {
      expect(ratio(solid(text), over(get(tint), get(surface)))).toBeGreaterThanOrEqual(4.5);
    },
  );

  test('text on filled buttons is readable', () => {
    expect(ratio(solid('on-accent'), solid('accent'))).toBeGreaterThanOrEqual(4.5);
    expect(ratio(solid('on-bad'), solid('bad-fill'))).toBeGreaterThanOrEqual(4.5);
  });

  test.each([1, 2, 3, 4])('initials on avatar colour %d are readable', (colour) => {
    expect(ratio(solid(`av-${colour}-ink`), solid(`av-${colour}`))).toBeGreaterThanOrEqual(4.5);
  });
});

test('both themes define the same tokens', () => {
  expect([...tokensOf('light').keys()].sort()).toEqual([...tokensOf('dark').keys()].sort());
});
