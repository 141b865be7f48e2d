/** The nodes every workflow needs. */
import { definePlugin } from '@plugboard/sdk';
import { imap, postgres, smtp } from './credentials/connections.ts';
import { jwt, oauth2, oauth2Client } from './credentials/oauth.ts';
import { aws, clientCertificate, hmac } from './credentials/signatures.ts';
import { basic, bearer, header, query } from './credentials/tokens.ts';
import { aggregate } from './nodes/aggregate.ts';
import { batch } from './nodes/batch.ts';
import { webhookSecret } from './credentials/webhook-secret.ts';
import { callWorkflow } from './nodes/call-workflow.ts';
import { code } from './nodes/code.ts';
import { compare } from './nodes/compare.ts';
import { crypto } from './nodes/crypto.ts';
import { breakNode } from './nodes/break.ts';
import { csvParse } from './nodes/csv-parse.ts';
import { csvWrite } from './nodes/csv-write.ts';
import { date } from './nodes/date.ts';
import { dedupe } from './nodes/dedupe.ts';
import { filter } from './nodes/filter.ts';
import { flatten } from './nodes/flatten.ts';
import { graphqlRequest } from './nodes/graphql-request.ts';
import { htmlExtract } from './nodes/html-extract.ts';
import { htmlToText } from './nodes/html-text.ts';
import { httpRequest } from './nodes/http-request.ts';
import { ifNode } from './nodes/if.ts';
import { join } from './nodes/join.ts';
import { jsonParse } from './nodes/json-parse.ts';
import { jsonWrite } from './nodes/json-write.ts';
import { limit } from './nodes/limit.ts';
import { loop } from './nodes/loop.ts';
import { markdown } from './nodes/markdown.ts';
import { merge } from './nodes/merge.ts';
import { noop } from './nodes/noop.ts';
import { postgresNode } from './nodes/postgres.ts';
import { readFile } from './nodes/read-file.ts';
import { rename } from './nodes/rename.ts';
import { respond } from './nodes/respond.ts';
import { sendEmail } from './nodes/send-email.ts';
import { set } from './nodes/set.ts';
import { sort } from './nodes/sort.ts';
import { split } from './nodes/split.ts';
import { spreadsheetRead } from './nodes/spreadsheet-read.ts';
import { spreadsheetWrite } from './nodes/spreadsheet-write.ts';
import { stop } from './nodes/stop.ts';
import { switchNode } from './nodes/switch.ts';
import { template } from './nodes/template.ts';
import { text } from './nodes/text.ts';
import { writeFile } from './nodes/write-file.ts';
import { waitForCall } from './nodes/wait-for-call.ts';
import { approval } from './nodes/approval.ts';
import { form } from './nodes/form.ts';
import { wait } from './nodes/wait.ts';
import { xmlParse } from './nodes/xml-parse.ts';
import { xmlWrite } from './nodes/xml-write.ts';
import { called } from './triggers/called.ts';
import { errorTrigger } from './triggers/error.ts';
import { manual } from './triggers/manual.ts';
import { emailTrigger } from './triggers/email.ts';
import { pollHttp } from './triggers/poll-http.ts';
import { schedule } from './triggers/schedule.ts';
import { formTrigger } from './triggers/form-trigger.ts';
import { webhook } from './triggers/webhook.ts';

export const plugin = definePlugin({
  id: 'core',
  title: 'Core',
  version: '0.1.0',
  triggers: [manual, schedule, pollHttp, emailTrigger, called, errorTrigger, webhook, formTrigger],
  credentials: [bearer, header, query, basic, oauth2, oauth2Client, jwt, aws, hmac, clientCertificate, webhookSecret, smtp, imap, postgres],
  nodes: [
    set,
    rename,
    text,
    date,
    crypto,
    flatten,
    split,
    batch,
    aggregate,
    dedupe,
    sort,
    limit,
    merge,
    compare,
    ifNode,
    switchNode,
    filter,
    join,
    loop,
    breakNode,
    wait,
    waitForCall,
    approval,
    form,
    callWorkflow,
    stop,
    noop,
    csvParse,
    csvWrite,
    jsonParse,
    jsonWrite,
    xmlParse,
    xmlWrite,
    htmlExtract,
    htmlToText,
    markdown,
    template,
    readFile,
    writeFile,
    spreadsheetRead,
    spreadsheetWrite,
    code,
    httpRequest,
    graphqlRequest,
    postgresNode,
    sendEmail,
    respond,
  ],
});
