/** The help of the whole program as text: rendered by the build, so that nothing has to be loaded to show it. */
import { commands, groups } from './commands.ts';
import { HELP_COLUMNS, program } from './program.ts';

/** Widths that are rendered in advance: for pipes and plain terminals, and for all wide ones. */
const widths = [80, HELP_COLUMNS] as const;

export function helpTexts(version: string): Readonly<Record<string, string>> {
  const print = (columns: number): string => {
    let text = '';
    const made = program({ version, columns, commands, groups, specs: [], out: (more) => void (text += more), run: async () => {} });
    made.outputHelp();
    return text;
  };
  return Object.fromEntries(widths.map((columns) => [columns, print(columns)]));
}
