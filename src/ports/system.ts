/** The machine we run on: time, randomness, files, prompts. */

export interface Clock {
  now(): Date;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Calls `beat` every `ms` milliseconds until the returned function is called. Does not keep the process alive. */
export type Pulse = (ms: number, beat: () => void) => () => void;

export interface Random {
  /** `bytes` random bytes from the operating system. */
  bytes(bytes: number): Uint8Array;
}

/** This process, so that another one can recognize it and tell whether it is alive. */
export interface Self {
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  /** Equal on two processes exactly when they share a PID namespace; absent where that can't be known. */
  readonly place?: string;
  /** Whether a process with this id exists on this machine. */
  alive(pid: number): boolean;
}

export interface Files {
  /** Throws FILE_UNREADABLE. `-` is stdin. */
  read(path: string): Promise<string>;
  /** Permission bits as in `stat`; `undefined` where they can't be determined. */
  mode(path: string): Promise<number | undefined>;
  /** Atomic, readable by the owner only. Throws FILE_EXISTS unless it may be replaced, and FILE_UNWRITABLE. */
  write(path: string, content: string | Uint8Array, options: { readonly replace: boolean }): Promise<void>;
  /** Throws what `write` would throw, as far as that can be predicted. */
  writable(path: string, options: { readonly replace: boolean }): Promise<void>;
}

export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly hint?: string;
}

/** Prompts happen before the first event, never while a live tree is drawn. Throws DECLINED on Ctrl-C. */
export interface Questions {
  choose(question: string, choices: readonly Choice[], options?: { readonly initial?: string; readonly searchable?: boolean }): Promise<string>;
  confirm(question: string, initial: boolean): Promise<boolean>;
  text(question: string, options?: { readonly initial?: string; readonly check?: (text: string) => string | undefined }): Promise<string>;
  secret(question: string): Promise<string>;
}
