/** Problems of the area "settings". */
import { rows } from '../row.ts';

export const settings = rows({
  SETTING_INVALID: {
    title: 'A setting has a value that can\'t be used',
    cause: 'The value does not fit the setting\'s rule.',
    fix: 'Correct the value and run the command again.',
    exit: 2,
    explain: 'Every invalid setting is reported at once, each with the rule it breaks. Nothing has been changed.',
  },
});
