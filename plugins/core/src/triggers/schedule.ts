/**
 * Starts runs by time. All parameters are read by the server, which keeps the next due instant of each schedule and fires it once, however
 * many servers there are. The item is `{ dueAt, localTime, timezone, reason }`.
 */
import { defineTrigger, p } from '@plugboard/sdk';

const every = (title: string) => p.number().title(title).expr('deny').integer().min(1).max(10_000).default(1);
const at = p
  .text()
  .title('At')
  .help('Time of day, such as 08:30.')
  .placeholder('08:30')
  .expr('deny')
  .pattern('([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?')
  .default('00:00');
const WEEKDAYS = [
  { value: 'monday', title: 'Monday' },
  { value: 'tuesday', title: 'Tuesday' },
  { value: 'wednesday', title: 'Wednesday' },
  { value: 'thursday', title: 'Thursday' },
  { value: 'friday', title: 'Friday' },
  { value: 'saturday', title: 'Saturday' },
  { value: 'sunday', title: 'Sunday' },
] as const;

export const schedule = defineTrigger({
  id: 'schedule',
  version: 1,
  kind: 'schedule',
  title: 'Schedule',
  help: 'Starts at the times you set, each time once. The item says when it was due.',
  icon: 'calendar-clock',
  group: 'Triggers',
  params: {
    cron: p
      .text()
      .title('Cron lines')
      .help(
        'One in each line: minute, hour, day of the month, month and weekday, with seconds in front if need be. 30 8 * * 1-5 is 8:30 on weekdays; L is the last day of the month, 1#2 its second Monday.',
      )
      .placeholder('30 8 * * 1-5')
      .expr('deny')
      .multiline()
      .max(5000),
    intervals: p
      .list(
        p.variant('unit', {
          seconds: { every: every('Every so many seconds') },
          minutes: { every: every('Every so many minutes') },
          hours: { every: every('Every so many hours') },
          days: { every: every('Every so many days'), at },
          weeks: {
            every: every('Every so many weeks'),
            weekdays: p.choice(WEEKDAYS).multiple().title('On').help('One or several weekdays.').expr('deny').required(),
            at,
          },
          months: {
            every: every('Every so many months'),
            day: p
              .number()
              .title('Day')
              .help('Of the month; in a shorter month it is the last one.')
              .expr('deny')
              .integer()
              .min(1)
              .max(31)
              .default(1),
            at,
          },
        }),
      )
      .title('Intervals')
      .help('Beside or instead of cron lines. Counted from the start, where one is set.')
      .expr('deny')
      .max(20),
    timezone: p
      .text()
      .title('Time zone')
      .help('An IANA name. Left empty: that of the workflow, else of the workspace, else UTC.')
      .placeholder('Europe/Paris')
      .expr('deny')
      .max(64),
    startAt: p.date().withTime().title('From').help('Nothing is due before.').expr('deny'),
    endAt: p.date().withTime().title('Until').help('Nothing is due after.').expr('deny'),
    jitterSeconds: p
      .number()
      .title('Spread over')
      .help('Seconds: each time it starts up to so much later, so that many schedules of one minute do not start at once.')
      .expr('deny')
      .min(0)
      .max(3600)
      .default(0),
    missed: p
      .choice([
        { value: 'once', title: 'Once for all of them', help: 'One run for the newest time that was missed.' },
        { value: 'skip', title: 'Not at all', help: 'Times that were missed for more than a minute are left out.' },
        { value: 'all', title: 'Each of them', help: 'A run for each, in order, up to the limit of the workspace.' },
      ])
      .title('After a time without a server')
      .help('Whether times that were missed are made up for. The same counts after a pause.')
      .expr('deny')
      .default('once'),
    overlap: p
      .choice([
        { value: 'allow', title: 'Start beside it', help: 'Runs may overlap.' },
        { value: 'skip', title: 'Leave this time out', help: 'Nothing starts while the run before goes on.' },
        { value: 'queue', title: 'Wait for it', help: 'The run starts when the one before has ended.' },
        { value: 'cancel', title: 'Stop the older one', help: 'The run before is cancelled.' },
      ])
      .title('When the run before still goes on')
      .help('What happens then.')
      .expr('deny')
      .default('allow'),
  },
});
