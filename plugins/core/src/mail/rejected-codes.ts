/** What the description says of sending mail; apart, so that reading it loads no mail client. */

/** Codes that prove that no message was taken. */
export const SMTP_REJECTED = [
  'SMTP_NOT_SECURE',
  'SMTP_NO_GREETING',
  'SMTP_TLS_FAILED',
  'SMTP_AUTH_FAILED',
  'SMTP_ADDRESS_REFUSED',
  'SMTP_MESSAGE_REFUSED',
  'SMTP_TEMPORARY',
  'SMTP_NOT_SENT',
] as const;
