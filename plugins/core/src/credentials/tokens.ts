/** A name and a secret that go with each request: in a header, the address, or as user name and password. */
import { defineCredential, p } from '@plugboard/sdk';
import { testUrl } from './test-address.ts';

const HEADER_NAME = "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}";

export const bearer = defineCredential({
  id: 'bearer',
  title: 'Bearer token',
  help: 'Sends Authorization: Bearer, followed by the token.',
  fields: { token: p.text().title('Token').secret().max(16_000).required(), testUrl },
  auth: { scheme: 'bearer', tokenField: 'token' },
  test: { urlField: 'testUrl' },
  hosts: [],
});

export const header = defineCredential({
  id: 'header',
  title: 'Header',
  help: 'Sends a header of your choice, such as X-API-Key.',
  fields: {
    name: p.text().title('Header').placeholder('X-API-Key').pattern(HEADER_NAME).required(),
    value: p.text().title('Value').secret().max(16_000).required(),
    testUrl,
  },
  auth: { scheme: 'header', nameField: 'name', valueField: 'value' },
  test: { urlField: 'testUrl' },
  hosts: [],
});

export const query = defineCredential({
  id: 'query',
  title: 'Key in the address',
  help: 'Adds a parameter to the address. Prefer a header where the service takes one: addresses end up in logs of others.',
  fields: {
    name: p.text().title('Parameter').placeholder('api_key').max(200).required(),
    value: p.text().title('Value').secret().max(4000).required(),
    testUrl,
  },
  auth: { scheme: 'query', nameField: 'name', valueField: 'value' },
  test: { urlField: 'testUrl' },
  hosts: [],
});

export const basic = defineCredential({
  id: 'basic',
  title: 'User name and password',
  help: 'HTTP Basic authentication.',
  fields: {
    username: p.text().title('User name').max(1000).required(),
    password: p.text().title('Password').secret().max(4000).required(),
    testUrl,
  },
  auth: { scheme: 'basic', usernameField: 'username', passwordField: 'password' },
  test: { urlField: 'testUrl' },
  hosts: [],
});
