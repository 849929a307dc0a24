/**
 * `npm run screenshot -- flame.html picture.png [SEARCH]`: the page of a flame graph as a browser shows it, for the documentation.
 */
import { writeFileSync } from 'node:fs';
import { Browser } from '../support/browser.ts';

const SIZE = { width: 1000, height: 560 };

const [page, picture, search = ''] = process.argv.slice(2);
if (page === undefined || picture === undefined)
  throw new Error('usage: npm run screenshot -- flame.html picture.png [SEARCH]');
await using browser = await Browser.start(SIZE);
await browser.open(page);
await browser.evaluate(`document.getElementById('search').focus()`);
if (search !== '') await browser.type(search);
writeFileSync(picture, await browser.screenshot());
if (browser.complaints.length > 0) throw new Error(browser.complaints.join('\n'));
