/**
 * Starts a run for each form that somebody fills in on a page of this server. All parameters describe the page, which is served before any run; the
 * item has the fields and submittedAt, and files beside it.
 */
import { defineTrigger, p, when } from '@plugboard/sdk';
import { fieldKinds, fieldParams } from '../data/form-field-params.ts';

export const formTrigger = defineTrigger({
  id: 'form-trigger',
  version: 1,
  kind: 'webhook',
  title: 'Form',
  help: 'A page at /hooks/<path> that people fill in, with or without JavaScript; each form that is sent starts a run. Values in the address fill fields in: ?name=Ada.',
  icon: 'clipboard-list',
  group: 'Triggers',
  params: {
    path: p.text().title('Path').help('The part of the address after /hooks/.').placeholder('contact').expr('deny').max(200).required(),
    formTitle: p.text().title('Title').help('Stands above the form.').expr('deny').max(300).required(),
    formMessage: p.text().multiline().title('Message').help('Below the title. Markdown.').expr('deny').max(50_000),
    formFields: p
      .list(
        p.object({ ...fieldParams('deny'), kind: p.choice(fieldKinds).title('Kind').help('What it takes.').expr('deny').default('text') }),
      )
      .title('Fields')
      .help('What is asked. Files go on beside the item, under the name of their field.')
      .expr('deny')
      .min(1)
      .max(100)
      .required(),
    formSubmit: p.text().title('Button').help('What it says.').placeholder('Send').expr('deny').max(60),
    formThen: p
      .choice({ thanks: 'Thank them', redirect: 'Send them to a page' })
      .title('Afterwards')
      .help('What people see once the run is stored.')
      .expr('deny')
      .default('thanks'),
    formThanks: p
      .text()
      .multiline()
      .title('Thanks')
      .help('Markdown.')
      .placeholder('Thank you.')
      .expr('deny')
      .max(5000)
      .when(when.eq('formThen', 'thanks')),
    formRedirect: p
      .text()
      .title('Page')
      .help('Its whole address.')
      .placeholder('https://example.com/thanks')
      .format('url')
      .expr('deny')
      .max(2000)
      .required()
      .when(when.eq('formThen', 'redirect')),
    auth: p
      .choice({ none: 'Anybody', basic: 'User name and password' })
      .title('Who may see it')
      .help('The browser asks for user name and password.')
      .expr('deny')
      .default('none'),
    basicCredential: p
      .credential('core/basic')
      .title('User name and password')
      .help('What people must know.')
      .required()
      .when(when.eq('auth', 'basic')),
    maxFileMiB: p
      .number()
      .title('Largest upload')
      .help('MiB of all files of one form together, within what the server takes.')
      .expr('deny')
      .min(0.001)
      .max(1024)
      .default(16),
    perMinute: p
      .number()
      .title('Requests a minute')
      .help('Of all people together, looking and sending, on each server process. Left empty: no limit beside the server’s own.')
      .expr('deny')
      .integer()
      .min(1)
      .max(1_000_000),
  },
});
