/** A timetable in one line, for lists. */
import type { JsonObject } from '@plugboard/sdk';
import type { TimetableSpec } from './schedule-spec.ts';

export function timetableText({ cron = [], intervals = [] }: TimetableSpec): string {
  return [...intervals.map(intervalText), ...cron].join('; ');
}

function intervalText(interval: JsonObject): string {
  const every = typeof interval['every'] === 'number' ? interval['every'] : 1;
  const unit = typeof interval['unit'] === 'string' ? interval['unit'] : '';
  const pace = every === 1 ? `every ${unit.replace(/s$/, '')}` : `every ${every} ${unit}`;
  const { at, weekdays, day } = interval;
  const on = Array.isArray(weekdays)
    ? ` on ${weekdays.filter((one) => typeof one === 'string').join(', ')}`
    : unit === 'months'
      ? ` on day ${typeof day === 'number' ? day : 1}`
      : '';
  const time = unit === 'days' || unit === 'weeks' || unit === 'months' ? ` at ${typeof at === 'string' ? at : '00:00'}` : '';
  return `${pace}${on}${time}`;
}
