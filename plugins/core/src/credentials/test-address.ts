/** The field every general credential has for its test button. */
import { p } from '@plugboard/sdk';

export const testUrl = p
  .text()
  .title('Address to test with')
  .help('The test button sends a GET there; anything but a refusal counts as working. Its host must be one the credential may go to.')
  .placeholder('https://api.example.com/me')
  .format('url')
  .max(2000);
