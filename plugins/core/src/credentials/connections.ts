/** Accounts of services that do not speak HTTP. Their steps sign in themselves, so the steps' code gets the secrets. */
import { defineCredential, p, when } from '@plugboard/sdk';

const host = p.text().title('Host').help('Name or address of the server.').max(253).required();
const ca = p
  .text()
  .title('Certificate authority')
  .help('In PEM, where the server’s certificate is not from a public one.')
  .multiline()
  .max(64_000);
const checkCertificate = p
  .boolean()
  .title('Check the certificate')
  .help('When off, anybody on the way can pose as the server.')
  .default(true);

export const smtp = defineCredential({
  id: 'smtp',
  title: 'Mail server (SMTP)',
  help: 'An account for sending e-mail.',
  fields: {
    host,
    port: p.number().title('Port').help('587 for STARTTLS, 465 for TLS from the start.').integer().min(1).max(65_535).default(587),
    security: p
      .choice([
        {
          value: 'starttls',
          title: 'STARTTLS',
          help: 'Begins in the open and becomes secure before anything is said. Nothing is sent where the server cannot.',
        },
        { value: 'tls', title: 'TLS' },
        { value: 'none', title: 'None', help: 'Everybody on the way can read along. No password is ever sent so.' },
      ])
      .title('Security')
      .default('starttls'),
    auth: p
      .choice([
        { value: 'password', title: 'User name and password' },
        { value: 'xoauth2', title: 'Access token (XOAUTH2)' },
        { value: 'none', title: 'None' },
      ])
      .title('Sign in with')
      .default('password'),
    user: p.text().title('User name').max(320).when(when.ne('auth', 'none')),
    password: p.text().title('Password').secret().max(4000).when(when.eq('auth', 'password')),
    accessToken: p.text().title('Access token').secret().max(16_000).when(when.eq('auth', 'xoauth2')),
    ca,
    checkCertificate,
  },
  hosts: ['{host}'],
  exposed: true,
});

export const imap = defineCredential({
  id: 'imap',
  title: 'Mailbox (IMAP)',
  help: 'An account for reading e-mail.',
  fields: {
    host,
    port: p.number().title('Port').help('993 for TLS, 143 for STARTTLS.').integer().min(1).max(65_535).default(993),
    security: p
      .choice([
        { value: 'tls', title: 'TLS' },
        {
          value: 'starttls',
          title: 'STARTTLS',
          help: 'Begins in the open and becomes secure before anything is said. Nothing is said where the server cannot.',
        },
        {
          value: 'none',
          title: 'None',
          help: 'For servers on this machine or in a network of your own: everybody on the way can read along, the password too.',
        },
      ])
      .title('Security')
      .default('tls'),
    auth: p
      .choice([
        { value: 'password', title: 'User name and password' },
        { value: 'xoauth2', title: 'Access token (XOAUTH2)' },
      ])
      .title('Sign in with')
      .default('password'),
    user: p.text().title('User name').max(320).required(),
    password: p.text().title('Password').secret().max(4000).when(when.eq('auth', 'password')),
    accessToken: p.text().title('Access token').secret().max(16_000).when(when.eq('auth', 'xoauth2')),
    ca,
    checkCertificate,
  },
  hosts: ['{host}'],
  exposed: true,
});

export const postgres = defineCredential({
  id: 'postgres',
  title: 'PostgreSQL',
  help: 'A database and an account for it. Give the account only the rights that workflows need.',
  fields: {
    host,
    port: p.number().title('Port').integer().min(1).max(65_535).default(5432),
    database: p.text().title('Database').max(200).required(),
    user: p.text().title('User').max(200).required(),
    password: p.text().title('Password').secret().max(4000),
    tls: p
      .choice([
        { value: 'verify', title: 'Required, certificate checked' },
        {
          value: 'require',
          title: 'Required, certificate not checked',
          help: 'Safe from those who listen, not from those who pose as the server.',
        },
        { value: 'off', title: 'Off', help: 'For databases on this machine or in a network of your own.' },
      ])
      .title('TLS')
      .default('verify'),
    ca,
  },
  hosts: ['{host}'],
  exposed: true,
});
