/** Questions on the terminal. They are drawn on stderr, so that stdout contains only results. */
import { ProblemError, stop } from '../../problems/problem.ts';
import type { Choice, Questions } from '../../ports/system.ts';

export interface QuestionsOptions {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

const PAGE = 10;

/** Ctrl-C at a question throws INTERRUPTED: the user stopped the program, which is not the same as answering no. */
export function terminalQuestions(streams: QuestionsOptions): Questions {
  const context = { input: streams.input, output: streams.output };
  return {
    choose: async (message, choices, options = {}) => {
      const { search, select } = await prompts();
      const shown = choices.map(asShown);
      const initial = options.initial;
      return answered(message, () =>
        options.searchable
          ? search({ message, source: (term) => matching(shown, term), pageSize: PAGE, ...(initial !== undefined && { default: initial }) }, context)
          : select({ message, choices: shown, pageSize: PAGE, ...(initial !== undefined && { default: initial }) }, context),
      );
    },
    confirm: async (message, initial) => {
      const { confirm } = await prompts();
      return answered(message, () => confirm({ message, default: initial }, context));
    },
    text: async (message, options = {}) => {
      const { input } = await prompts();
      const { initial, check } = options;
      return answered(message, () =>
        input({ message, ...(initial !== undefined && { default: initial }), validate: (text) => (check ? (check(text) ?? true) : true) }, context),
      );
    },
    secret: async (message) => {
      const { password } = await prompts();
      return answered(message, () => password({ message, mask: '*' }, context));
    },
  };
}

/** Imported by name, so that the bundle includes these five and not the editor with its character tables. */
async function prompts() {
  const { confirm, input, password, search, select } = await import('@inquirer/prompts');
  return { confirm, input, password, search, select };
}

const asShown = ({ value, label, hint }: Choice) => ({ value, name: hint ? `${label}  ${hint}` : label, short: label });

/** Every word of the term must occur, in any order: `prod eu` finds `eu-central-1 production`. */
function matching<T extends { readonly name: string }>(choices: readonly T[], term: string | undefined): readonly T[] {
  const words = (term ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  return choices.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
}

async function answered<T>(question: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ProblemError || !isExit(error)) throw error;
    throw stop(
      'INTERRUPTED',
      { message: `Interrupted at the prompt "${question}"`, fix: 'Run the command again, or answer with flags: every prompt has one' },
      { cause: error },
    );
  }
}

const isExit = (error: unknown) => error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError');
