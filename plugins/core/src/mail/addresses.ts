/** Addresses as people write them, read strictly: what is not clearly an address is refused, and no line break gets into a header. */
import { fail } from '@plugboard/sdk';
import addressparser from 'nodemailer/lib/addressparser';

export interface MailAddress {
  readonly name: string;
  readonly address: string;
}

/** Local part and domain of what mail servers take; quoted local parts and addresses in brackets are left to others. */
const ADDRESS =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~\u0080-\uffff-]{1,64}@(?:[a-z0-9\u0080-\uffff](?:[a-z0-9\u0080-\uffff-]{0,61}[a-z0-9\u0080-\uffff])?\.)*[a-z0-9\u0080-\uffff](?:[a-z0-9\u0080-\uffff-]{0,61}[a-z0-9\u0080-\uffff])?$/i;
const LENGTH_MAX = 16_384;

/** @throws StepFailure ADDRESS_INVALID, HEADER_INVALID */
export function addressesOf(text: string, what: string): readonly MailAddress[] {
  demandOneLine(text, what);
  if (text.length > LENGTH_MAX) fail('ADDRESS_INVALID', `${what} has more than ${LENGTH_MAX} characters. Send to fewer at once.`);
  return addressparser(text, { flatten: true }).map(({ name, address }) => {
    if (!ADDRESS.test(address))
      fail('ADDRESS_INVALID', `${what}: ${JSON.stringify((address || name).slice(0, 100))} is no e-mail address.`);
    return { name, address };
  });
}

/**
 * A line break in a header would begin another header, one that nobody here wrote.
 * @throws StepFailure HEADER_INVALID
 */
export function demandOneLine(text: string, what: string): void {
  // oxlint-disable-next-line no-control-regex -- they are what is refused
  if (/[\u0000-\u001f\u007f\u2028\u2029]/.test(text))
    fail('HEADER_INVALID', `${what} has a line break or a control character in it, which no header has.`);
}
