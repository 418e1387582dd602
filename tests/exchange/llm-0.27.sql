-- What llm 0.27.1 writes with its own migrations; its search tables and empty tables are left out.
CREATE TABLE "conversations" (
   "id" TEXT PRIMARY KEY,
   "name" TEXT,
   "model" TEXT
);
INSERT INTO "conversations" VALUES ('01m7ykmd4xqeejjvkcw8pb7v46', 'Good morning', 'demo-model');
INSERT INTO "conversations" VALUES ('01m7ykmd53aec54wa3367mb1sa', 'What is 6 times 7?', 'demo-model');
INSERT INTO "conversations" VALUES ('01m7ykmd6pcsgjqrv2tg9sd7ge', 'See this', 'demo-model');
CREATE TABLE "attachments" (
   "id" TEXT PRIMARY KEY,
   "type" TEXT,
   "path" TEXT,
   "url" TEXT,
   "content" BLOB
);
INSERT INTO "attachments" VALUES ('c2153f77e11087fcb078ae38527fa83bef29791e3700e30cc87fec4405a66d0f', 'image/png', NULL, NULL, X'89504E470D0A1A0A0000000D49484452000000010000000108060000001F15C4890000000D49444154789C6360606060000000050001A5F645400000000049454E44AE426082');
CREATE TABLE "prompt_attachments" (
   "response_id" TEXT REFERENCES "responses"("id"),
   "attachment_id" TEXT REFERENCES "attachments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("response_id", "attachment_id")
);
INSERT INTO "prompt_attachments" VALUES ('01m7ykmd6pcsgjqrv2tg9sd7gf', 'c2153f77e11087fcb078ae38527fa83bef29791e3700e30cc87fec4405a66d0f', 0);
CREATE TABLE "responses" (
   "id" TEXT PRIMARY KEY,
   "model" TEXT,
   "prompt" TEXT,
   "system" TEXT,
   "prompt_json" TEXT,
   "options_json" TEXT,
   "response" TEXT,
   "response_json" TEXT,
   "conversation_id" TEXT REFERENCES "conversations"("id"),
   "duration_ms" INTEGER,
   "datetime_utc" TEXT,
   "input_tokens" INTEGER,
   "output_tokens" INTEGER,
   "token_details" TEXT,
   "schema_id" TEXT REFERENCES "schemas"("id")
, "resolved_model" TEXT);
INSERT INTO "responses" VALUES ('01m7ykmd4xqeejjvkcw8pb7v47', 'demo-model', 'Good morning', 'Be short.', NULL, '{}', 'Hello, *you*.', NULL, '01m7ykmd4xqeejjvkcw8pb7v46', 0, '2026-11-21T08:30:12.637590+00:00', 21, 5, NULL, NULL, NULL);
INSERT INTO "responses" VALUES ('01m7ykmd51459j5gvh87pxhv8f', 'demo-model', 'Bye', NULL, NULL, '{}', 'Hello, *you*.', NULL, '01m7ykmd4xqeejjvkcw8pb7v46', 0, '2026-11-21T08:30:12.641229+00:00', 22, 5, NULL, NULL, NULL);
INSERT INTO "responses" VALUES ('01m7ykmd559ve8yb0c6exax3zc', 'demo-model', 'What is 6 times 7?', NULL, NULL, '{}', 'I''ll multiply.', NULL, '01m7ykmd53aec54wa3367mb1sa', 0, '2026-11-21T08:30:12.645627+00:00', 23, 5, NULL, NULL, NULL);
INSERT INTO "responses" VALUES ('01m7ykmd6gwd68rtxc8pxf3qe1', 'demo-model', '', NULL, NULL, '{}', 'It is 42.', NULL, '01m7ykmd53aec54wa3367mb1sa', 0, '2026-11-21T08:30:12.688273+00:00', 24, 5, NULL, NULL, NULL);
INSERT INTO "responses" VALUES ('01m7ykmd6pcsgjqrv2tg9sd7gf', 'demo-model', 'See this', NULL, NULL, '{}', 'Hello, *you*.', NULL, '01m7ykmd6pcsgjqrv2tg9sd7ge', 0, '2026-11-21T08:30:12.694533+00:00', 25, 5, NULL, NULL, NULL);
CREATE TABLE "fragments" (
   "id" INTEGER PRIMARY KEY,
   "hash" TEXT,
   "content" TEXT,
   "datetime_utc" TEXT,
   "source" TEXT
);
CREATE TABLE "prompt_fragments" (
   "response_id" TEXT REFERENCES "responses"("id"),
   "fragment_id" INTEGER REFERENCES "fragments"("id"),
   "order" INTEGER,
   PRIMARY KEY ("response_id", "fragment_id", "order")
);
CREATE TABLE "tool_calls" (
   "id" INTEGER PRIMARY KEY,
   "response_id" TEXT REFERENCES "responses"("id"),
   "tool_id" INTEGER REFERENCES "tools"("id"),
   "name" TEXT,
   "arguments" TEXT,
   "tool_call_id" TEXT
);
INSERT INTO "tool_calls" VALUES (1, '01m7ykmd559ve8yb0c6exax3zc', 1, 'multiply', '{"a": 6, "b": 7}', 'call-1');
CREATE TABLE "tool_results" (
   "id" INTEGER PRIMARY KEY,
   "response_id" TEXT REFERENCES "responses"("id"),
   "tool_id" INTEGER REFERENCES "tools"("id"),
   "name" TEXT,
   "output" TEXT,
   "tool_call_id" TEXT,
   "instance_id" INTEGER REFERENCES "tool_instances"("id")
, "exception" TEXT);
INSERT INTO "tool_results" VALUES (1, '01m7ykmd6gwd68rtxc8pxf3qe1', 1, 'multiply', '42', 'call-1', NULL, NULL);
