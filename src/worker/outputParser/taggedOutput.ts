import type { OutputDelta } from '../../protocol/generation.js';
import type { CallReader, CallSink, CallSyntax } from './callSyntax.js';
import { createDeltaBuffer } from './deltaBuffer.js';
import { matchMarker } from './markerMatch.js';
import type { OutputParser, OutputParserOptions, ReasoningTags } from './outputFormat.js';

type Mode = 'beginning' | 'reasoning' | 'answer';

interface RunningCalls {
  readonly reader: CallReader;
  /** The marker, and the white space before it. */
  readonly begin: string;
  /** What the reader was given. */
  read: string;
  hasEmitted: boolean;
}

const isSpace = (char: string): boolean => /\s/.test(char);

/**
 * The parser of every family: a reasoning block first (maybe), then text with calls between. White space directly
 * inside the reasoning block, between it and the answer, and around calls belongs to nothing and is dropped; all other
 * white space is kept.
 */
export function createTaggedOutputParser(
  reasoning: ReasoningTags | undefined,
  syntax: CallSyntax | undefined,
  options: OutputParserOptions,
): OutputParser {
  const out = createDeltaBuffer();
  const calls = options.parseToolCalls ? syntax : undefined;
  const ignored = syntax?.ignored ?? [];
  const markersBeginning = [...(reasoning ? [reasoning.begin] : []), ...(calls?.begins ?? []), ...ignored];
  const markersReasoning = reasoning ? [reasoning.begin, reasoning.end] : [];
  const markersAnswer = [...(calls && !calls.onlyFirst ? calls.begins : []), ...ignored];

  let mode: Mode = options.opensInReasoning && reasoning ? 'reasoning' : 'beginning';
  /** Not yet understood: it may be the beginning of a marker. */
  let pending = '';
  /** White space that is kept only if something of its kind follows. */
  let space = '';
  /** White space that follows is dropped: nothing of this block was emitted yet. */
  let dropsSpace = mode === 'reasoning';
  let running: RunningCalls | undefined;

  function drain(atEnd: boolean): void {
    while (pending !== '') {
      if (running) {
        feed(running);
        continue;
      }
      const match = matchMarker(pending, markersOf());
      if (match.kind === 'partial' && !atEnd) return;
      if (match.kind === 'full') {
        pending = pending.slice(match.marker.length);
        onMarker(match.marker);
      } else {
        const char = pending.charAt(0);
        pending = pending.slice(1);
        onChar(char);
      }
    }
  }

  function markersOf(): readonly string[] {
    if (mode === 'beginning') return markersBeginning;
    return mode === 'reasoning' ? markersReasoning : markersAnswer;
  }

  function onMarker(marker: string): void {
    if (mode === 'reasoning') {
      if (marker === reasoning?.end) enter('beginning', true);
      else if (!dropsSpace) emit(marker);
      // A model may repeat the marker that the prompt ended with.
    } else if (marker === reasoning?.begin) enter('reasoning', true);
    else if (calls?.begins.includes(marker)) beginCalls(calls, marker);
    else enter('beginning', true);
  }

  function enter(next: Mode, drops: boolean): void {
    mode = next;
    space = '';
    dropsSpace = drops;
  }

  function onChar(char: string): void {
    if (isSpace(char)) {
      if (dropsSpace) return;
      // Nothing is held back for a parser that has nothing to look for.
      if (mode !== 'answer' || calls) space += char;
      else out.text(char);
      return;
    }
    if (mode === 'beginning') mode = 'answer';
    emit(space + char);
    space = '';
    dropsSpace = false;
  }

  function emit(text: string): void {
    if (mode === 'reasoning') out.reasoning(text);
    else out.text(text);
  }

  function beginCalls(of: CallSyntax, marker: string): void {
    const sink: CallSink = {
      beginCall: (name) => {
        calling.hasEmitted = true;
        out.beginCall(name);
      },
      callArguments: (delta) => out.callArguments(delta),
    };
    const reader = of.createReader(marker, sink, options.tools);
    const calling: RunningCalls = { reader, begin: space + marker, read: '', hasEmitted: false };
    running = calling;
    space = '';
  }

  function feed(calling: RunningCalls): void {
    const char = pending.charAt(0);
    pending = pending.slice(1);
    calling.read += char;
    const progress = calling.reader.push(char);
    if (progress === 'more') {
      if (calling.hasEmitted) calling.read = '';
    } else if (progress === 'broken') {
      breakOff(calling);
    } else {
      running = undefined;
      pending = progress.unread + pending;
      enter('answer', true);
    }
  }

  /** What began like a call is text; calls may begin in it once more. */
  function breakOff(calling: RunningCalls): void {
    running = undefined;
    if (calling.hasEmitted) return enter('answer', true);
    mode = 'answer';
    out.text(calling.begin);
    dropsSpace = false;
    pending = calling.read + pending;
  }

  return {
    push: (text) => {
      for (let index = 0; index < text.length; index++) {
        pending += text.charAt(index);
        drain(false);
      }
      return out.take();
    },
    end: (): OutputDelta[] => {
      drain(true);
      while (running) {
        breakOff(running);
        drain(true);
      }
      if (mode !== 'reasoning') out.text(space);
      space = '';
      return out.take();
    },
  };
}
