/**
 * Prints the static description of one plugin bundle as JSON. The build runs it under Node's permission model with an empty
 * environment: importing a plugin must do nothing but define it, and must say the same every time.
 *
 *   node --permission … describe-plugin.mjs SDK_DOOR BUNDLE
 */
import { pathToFileURL } from 'node:url';

const [sdkDoor = '', bundle = ''] = process.argv.slice(2);
const { describePlugin } = await import(pathToFileURL(sdkDoor).href);

const first = await describeAgain(1);
const description = first.write();
if (first.write() !== description || (await describeAgain(2)).write() !== description) {
  fail('its description differs between two readings: something in it depends on a clock, a random number or earlier calls');
}
process.stdout.write(description);

/** Each import with its own query evaluates the bundle anew. @param {number} reading */
async function describeAgain(reading) {
  /** @type {Record<string, unknown>} */
  const exported = await import(`${pathToFileURL(bundle).href}?reading=${reading}`);
  const plugins = [...new Set(Object.values(exported))].filter(isPlugin);
  if (plugins.length !== 1) fail(`it must export exactly one definePlugin(…) value, and exports ${plugins.length}`);
  return { write: () => `${JSON.stringify(describePlugin(plugins[0]), null, 2)}\n` };
}

/** @param {unknown} value */
function isPlugin(value) {
  return typeof value === 'object' && value !== null && Symbol.for('plugboard.plugin') in value;
}

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
