/** The machine we run on: time, randomness, files, questions. */

export interface Clock {
  now(): Date;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Calls `beat` every `ms` milliseconds until the returned function is called. Keeps no process alive. */
export type Pulse = (ms: number, beat: () => void) => () => void;

export interface Random {
  /** `bytes` random bytes from the operating system. */
  bytes(bytes: number): Uint8Array;
}

/** This process, so that another one can tell who it is and whether it lives. */
export interface Self {
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  /** Equal on two processes exactly when they see the same process ids; absent where that can't be known. */
  readonly place?: string;
  /** Whether there is a process of this id, here. */
  alive(pid: number): boolean;
}

export interface Files {
  /** Throws FILE_UNREADABLE. `-` is stdin. */
  read(path: string): Promise<string>;
  /** Who may do what with it, as in `stat`; `undefined` where that can't be told. */
  mode(path: string): Promise<number | undefined>;
  /** Whole or not at all, readable by the owner only. Throws FILE_EXISTS unless it may be replaced, and FILE_UNWRITABLE. */
  write(path: string, content: string | Uint8Array, options: { readonly replace: boolean }): Promise<void>;
  /** Throws what `write` would throw, as far as that can be known beforehand. */
  writable(path: string, options: { readonly replace: boolean }): Promise<void>;
}

export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly hint?: string;
}

/** Asked before the first event, never while a live tree is drawn. Throws DECLINED on Ctrl-C. */
export interface Questions {
  choose(question: string, choices: readonly Choice[], options?: { readonly initial?: string; readonly searchable?: boolean }): Promise<string>;
  confirm(question: string, initial: boolean): Promise<boolean>;
  text(question: string, options?: { readonly initial?: string; readonly check?: (text: string) => string | undefined }): Promise<string>;
  secret(question: string): Promise<string>;
}
