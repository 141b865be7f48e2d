/** Numbers and times as people read them. English now; every text goes through here, so another language has one place to start. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `4 ms`, `0.7 s`, `18 s`, `1 min 12 s`, `1 h 52 min`, `1 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 1) return '< 1 ms';
  if (ms < 100) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${trimZero((ms / 1000).toFixed(1))} s`;
  if (ms < HOUR) return twoUnits(ms, MINUTE, 'min', 1000, 's');
  if (ms < DAY) return twoUnits(ms, HOUR, 'h', MINUTE, 'min');
  return twoUnits(ms, DAY, 'd', HOUR, 'h');
}

function twoUnits(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const smalls = Math.round(ms / small);
  const per = large / small;
  const larges = Math.floor(smalls / per);
  const rest = smalls % per;
  return rest === 0 ? `${larges} ${largeName}` : `${larges} ${largeName} ${rest} ${smallName}`;
}

function trimZero(text: string): string {
  return text.replace(/\.0$/, '');
}

/** Narrow form for columns beside bars: `4ms`, `6.7s`, `112m`. */
export function formatDurationShort(ms: number): string {
  if (ms < 100) return `${Math.round(ms)}ms`;
  if (ms < 99_950) return `${trimZero((ms / 1000).toFixed(1))}s`;
  return `${Math.round(ms / MINUTE)}m`;
}

/** `just now`, `4 min ago`, `in 11 min`, `2 h ago`, `yesterday`, `in 2 days`, then the date. `now` in ms since 1970. */
export function formatRelative(iso: string, now: number): string {
  const at = Date.parse(iso);
  const by = now - at;
  const isPast = by >= 0;
  const size = Math.abs(by);
  const say = (text: string): string => (isPast ? `${text} ago` : `in ${text}`);
  if (size < 45_000) return isPast ? 'just now' : 'in a moment';
  if (size < HOUR) return say(`${Math.max(1, Math.round(size / MINUTE))} min`);
  if (size < 22 * HOUR) return say(`${Math.round(size / HOUR)} h`);
  const days = Math.round(size / DAY);
  if (days <= 1) return isPast ? 'yesterday' : 'tomorrow';
  if (days < 14) return say(`${days} days`);
  return formatDate(iso);
}

const DATE = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const DATE_TIME = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const FULL = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });

/** `27 Nov 2026` in the zone of the browser. */
export function formatDate(iso: string): string {
  return DATE.format(new Date(iso));
}

/** `Fri 20 Nov, 14:05:31`. */
export function formatDateTime(iso: string): string {
  return DATE_TIME.format(new Date(iso)).replace(/^(\w+),/, '$1');
}

/** With year and zone, for titles and screen readers. */
export function formatFull(iso: string): string {
  return FULL.format(new Date(iso));
}

/** `15:58:12.604` in the zone of the browser. */
export function formatClock(iso: string, withMs = false): string {
  const at = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return withMs ? `${clock}.${String(at.getMilliseconds()).padStart(3, '0')}` : clock;
}

const PICO_PER_DOLLAR = 1_000_000_000_000n;

/** Pico-dollars as decimal text: `$84.16`, under a dollar up to four places: `$0.0131`. */
export function formatMoney(picoDollars: string): string {
  const amount = BigInt(picoDollars);
  const sign = amount < 0n ? '-' : '';
  const size = amount < 0n ? -amount : amount;
  const places = size < PICO_PER_DOLLAR && size > 0n ? 4 : 2;
  const scale = 10n ** BigInt(places);
  const rounded = (size * scale + PICO_PER_DOLLAR / 2n) / PICO_PER_DOLLAR;
  const whole = rounded / scale;
  let fraction = String(rounded % scale).padStart(places, '0');
  if (places === 4) fraction = fraction.replace(/0{1,2}$/, '');
  return `${sign}$${whole.toLocaleString('en')}.${fraction}`;
}

/** `97.4%`, `100%`. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent >= 99.95) return share >= 1 ? '100%' : '99.9%';
  return `${percent.toFixed(1)}%`;
}

/** `1 item`, `12 items`, `1,240 items`. */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** `214 kB`, `1.4 MB`; decimal units. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let size = bytes;
  let unit = -1;
  do {
    size /= 1000;
    unit += 1;
  } while (size >= 999.5 && unit < units.length - 1);
  return `${size < 9.95 ? trimZero(size.toFixed(1)) : Math.round(size)} ${units[unit]}`;
}

/** What people see of an id: its last eight digits. */
export function shortId(id: string): string {
  return id.replaceAll('-', '').slice(-8);
}
