// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The program of a child process of Node.js.
import { attachFiles } from './files.mjs';
import { serveProcess } from './process-lane.mjs';
import { nowNs } from './runtime.mjs';

serveProcess(nowNs, attachFiles);
