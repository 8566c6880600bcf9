#!/usr/bin/env node
// Prints the tools that a module exports, as a registry of tools wants them:
//
//     npx lrap-tools count_sentences.mjs

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { row } from './index.mjs';

const exported = Object.values(await import(pathToFileURL(resolve(process.argv[2])).href));
console.log(JSON.stringify(exported.filter((value) => value?.schema && value.run).map(row), null, 2));
