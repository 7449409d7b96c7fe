/** Prints the table of failures when everything has run, and its sum as the last line. */
import type { Reporter, TestModule } from 'vitest/node';
import type { Played } from './play.ts';
import { rows, silentText, sumText, tableText } from './table.ts';

declare module 'vitest' {
  interface TaskMeta {
    failure?: Played;
    pair?: { readonly ok: boolean };
    quiet?: { readonly alarm: boolean };
  }
}

export function tableOfFailures(): Reporter {
  return {
    onTestRunEnd(modules: readonly TestModule[]) {
      const metas = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.meta()));
      const played = metas.flatMap(({ failure }) => failure ?? []);
      const quiet = metas.flatMap(({ quiet: one }) => one ?? []);
      const pairs = metas.flatMap(({ pair }) => pair ?? []);
      const all = rows(played);
      const alarms = played.filter(({ falseAlarm }) => falseAlarm).length + quiet.filter(({ alarm }) => alarm).length;
      const wrong = played.filter(({ ok }) => !ok).map(({ id, class: name, named, said }) => `${id} (${name}): ${named}; ${said}`);
      const sums = [
        tableText(all),
        ...(wrong.length > 0 ? ['', 'cases that are not named:', ...wrong] : []),
        '',
        silentText(all),
        `cases ${played.length}, named ${played.filter(({ ok }) => ok).length}; pairs ${pairs.length}, upstream first ${pairs.filter(({ ok }) => ok).length}; quiet worlds ${quiet.length + played.filter(({ expected }) => expected === 'nothing').length}; hops ${new Set(played.map(({ hop }) => hop)).size}`,
        sumText(all, alarms),
      ];
      // After the summary of the reporter before this one.
      process.on('exit', () => process.stdout.write(`\n${sums.join('\n')}\n`));
    },
  };
}
