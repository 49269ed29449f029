/** Deskhand's SDK for web pages: docs/sdk.md. An ES module that runs as it is, without dependencies. */
export { Deskhand, DeskhandError, DeskhandEvent } from './src/agent.js';
export { texts } from './src/texts.js';
