/** The few meanings a colour has. Every tone comes with an icon or a word; colour alone says nothing. */
export type Tone = 'mute' | 'ok' | 'bad' | 'warn' | 'acc' | 'ai' | 'pin';
