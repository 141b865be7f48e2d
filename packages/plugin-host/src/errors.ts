/** Errors of the plugin host itself. Those of a plugin's own code are StepErrors. */
import type { StepError } from '@plugboard/sdk';

export type PluginHostErrorCode =
  /** No plugin has the type in this version. The person installs the plugin or changes the node. */
  | 'TYPE_NOT_FOUND'
  /** Two plugins, or two versions of one, give the same type. The operator removes one. */
  | 'TYPE_DUPLICATE'
  /** The type has no function to run, as triggers have none. */
  | 'FUNCTION_NOT_FOUND'
  /** The plugin's bundle could not be imported, or does not export a plugin. */
  | 'PLUGIN_LOAD_FAILED'
  /** The bundle describes itself differently from its description file. It is rebuilt or reinstalled. */
  | 'PLUGIN_CHANGED'
  /** The description file is missing or is no description. */
  | 'DESCRIPTION_INVALID'
  /** The host is shutting down and takes no calls. */
  | 'HOST_DRAINING';

/** Thrown by the host's own functions; a call that meets one ends with it as a StepError. */
export class PluginHostError extends Error {
  override readonly name = 'PluginHostError';
  readonly code: PluginHostErrorCode;

  constructor(code: PluginHostErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** As the end of a call: retrying helps only where the host may be another one next time. */
export function hostStepError(error: PluginHostError): StepError {
  return { code: error.code, kind: error.code === 'HOST_DRAINING' ? 'rejected' : 'input', message: error.message };
}
