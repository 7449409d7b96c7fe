/** Problems of the area "run". */
import { rows } from '../row.ts';

export const run = rows({
  DECLINED: {
    title: 'Declined',
    cause: 'The question was answered with no, or interrupted.',
    fix: 'Run the command again when you are ready.',
    exit: 3,
    explain: 'Nothing has been changed.',
  },
});
