// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// The program of a child process of Bun.
import { serveProcess } from '../node/process-lane.mjs';
import { attachMappings } from './mappings.mjs';
import { nowNs } from './runtime.mjs';

serveProcess(nowNs, attachMappings);
