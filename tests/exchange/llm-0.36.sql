-- What llm 0.36 writes with its own migrations; its search tables and empty tables are left out.
CREATE TABLE "conversations" (
   "id" TEXT PRIMARY KEY,
   "name" TEXT,
   "model" TEXT
);
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
, "resolved_model" TEXT, "reasoning" TEXT);
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
CREATE TABLE "tool_results" (
   "id" INTEGER PRIMARY KEY,
   "response_id" TEXT REFERENCES "responses"("id"),
   "tool_id" INTEGER REFERENCES "tools"("id"),
   "name" TEXT,
   "output" TEXT,
   "tool_call_id" TEXT,
   "instance_id" INTEGER REFERENCES "tool_instances"("id")
, "exception" TEXT);
CREATE TABLE "messages" (
   "hash" TEXT PRIMARY KEY,
   "parent_hash" TEXT REFERENCES "messages"("hash"),
   "role" TEXT,
   "provider_metadata" TEXT
);
INSERT INTO "messages" VALUES ('b2:20707d600a054a5ccdf13c35042960d8', NULL, 'system', NULL);
INSERT INTO "messages" VALUES ('b2:aef22a28896725de7ac7bbb5362df257', 'b2:20707d600a054a5ccdf13c35042960d8', 'user', NULL);
INSERT INTO "messages" VALUES ('b2:1475454eabf185109c7effe249a88f78', 'b2:aef22a28896725de7ac7bbb5362df257', 'assistant', NULL);
INSERT INTO "messages" VALUES ('b2:7c0014470ce47e1b28ee324b5a9b7cae', 'b2:1475454eabf185109c7effe249a88f78', 'user', NULL);
INSERT INTO "messages" VALUES ('b2:2b7895bc6a882aa03f38f088f6e2ae09', 'b2:7c0014470ce47e1b28ee324b5a9b7cae', 'assistant', NULL);
INSERT INTO "messages" VALUES ('b2:6657296c939c53efaf1846ab54dc06d2', NULL, 'user', NULL);
INSERT INTO "messages" VALUES ('b2:8434bca9768ce9115e3801f9666dc40c', 'b2:6657296c939c53efaf1846ab54dc06d2', 'assistant', NULL);
INSERT INTO "messages" VALUES ('b2:4debe376186020f73354d592c26ae6b8', 'b2:8434bca9768ce9115e3801f9666dc40c', 'tool', NULL);
INSERT INTO "messages" VALUES ('b2:3741c6b1304f99cf0d7e5ef1621e7f08', 'b2:4debe376186020f73354d592c26ae6b8', 'assistant', NULL);
INSERT INTO "messages" VALUES ('b2:c6316cfd986adcef827e63e180445db5', NULL, 'user', NULL);
INSERT INTO "messages" VALUES ('b2:283d07476c65b331a184087560d052a8', 'b2:c6316cfd986adcef827e63e180445db5', 'assistant', NULL);
CREATE TABLE "parts" (
   "id" INTEGER PRIMARY KEY,
   "message_hash" TEXT REFERENCES "messages"("hash"),
   "position" INTEGER,
   "type" TEXT,
   "tool_name" TEXT,
   "text" TEXT,
   "payload" TEXT
);
INSERT INTO "parts" VALUES (1, 'b2:20707d600a054a5ccdf13c35042960d8', 0, 'text', NULL, 'Be short.', NULL);
INSERT INTO "parts" VALUES (2, 'b2:aef22a28896725de7ac7bbb5362df257', 0, 'text', NULL, 'Good morning', NULL);
INSERT INTO "parts" VALUES (3, 'b2:1475454eabf185109c7effe249a88f78', 0, 'text', NULL, 'Hello, *you*.', NULL);
INSERT INTO "parts" VALUES (4, 'b2:7c0014470ce47e1b28ee324b5a9b7cae', 0, 'text', NULL, 'Bye', NULL);
INSERT INTO "parts" VALUES (5, 'b2:2b7895bc6a882aa03f38f088f6e2ae09', 0, 'text', NULL, 'Hello, *you*.', NULL);
INSERT INTO "parts" VALUES (6, 'b2:6657296c939c53efaf1846ab54dc06d2', 0, 'text', NULL, 'What is 6 times 7?', NULL);
INSERT INTO "parts" VALUES (7, 'b2:8434bca9768ce9115e3801f9666dc40c', 0, 'text', NULL, 'I''ll multiply.', NULL);
INSERT INTO "parts" VALUES (8, 'b2:8434bca9768ce9115e3801f9666dc40c', 1, 'tool_call', 'multiply', NULL, '{"name": "multiply", "arguments": {"a": 6, "b": 7}, "tool_call_id": "call-1"}');
INSERT INTO "parts" VALUES (9, 'b2:4debe376186020f73354d592c26ae6b8', 0, 'tool_result', 'multiply', NULL, '{"name": "multiply", "output": "42", "tool_call_id": "call-1"}');
INSERT INTO "parts" VALUES (10, 'b2:3741c6b1304f99cf0d7e5ef1621e7f08', 0, 'text', NULL, 'It is 42.', NULL);
INSERT INTO "parts" VALUES (11, 'b2:c6316cfd986adcef827e63e180445db5', 0, 'text', NULL, 'See this', NULL);
INSERT INTO "parts" VALUES (12, 'b2:c6316cfd986adcef827e63e180445db5', 1, 'attachment', NULL, NULL, '{"attachment": {"id": "c2153f77e11087fcb078ae38527fa83bef29791e3700e30cc87fec4405a66d0f"}}');
INSERT INTO "parts" VALUES (13, 'b2:283d07476c65b331a184087560d052a8', 0, 'text', NULL, 'Hello, *you*.', NULL);
CREATE TABLE "threads" (
   "id" TEXT PRIMARY KEY,
   "name" TEXT,
   "tip_message_hash" TEXT REFERENCES "messages"("hash"),
   "forked_from" TEXT REFERENCES "threads"("id"),
   "datetime_utc" TEXT
);
INSERT INTO "threads" VALUES ('01m7ykjz976rjmjtyzwj0b5hvn', 'Good morning', 'b2:2b7895bc6a882aa03f38f088f6e2ae09', NULL, '2026-11-21 08:29:25.674021+00:00');
INSERT INTO "threads" VALUES ('01m7ykjz9jby1xh3kn002b83vq', 'What is 6 times 7?', 'b2:3741c6b1304f99cf0d7e5ef1621e7f08', NULL, '2026-11-21 08:29:25.685934+00:00');
INSERT INTO "threads" VALUES ('01m7ykjz9y15k9ejrz9vcrj5rr', 'See this', 'b2:283d07476c65b331a184087560d052a8', NULL, '2026-11-21 08:29:25.694871+00:00');
CREATE TABLE "turns" (
   "id" TEXT PRIMARY KEY,
   "thread_id" TEXT REFERENCES "threads"("id"),
   "parent_message_hash" TEXT REFERENCES "messages"("hash"),
   "tip_message_hash" TEXT REFERENCES "messages"("hash"),
   "model" TEXT,
   "resolved_model" TEXT,
   "options_json" TEXT,
   "schema_id" TEXT REFERENCES "schemas"("id"),
   "input_tokens" INTEGER,
   "output_tokens" INTEGER,
   "token_details" TEXT,
   "duration_ms" INTEGER,
   "datetime_utc" TEXT
, "response_json" TEXT);
INSERT INTO "turns" VALUES ('01m7ykjz976rjmjtyzwj0b5hvp', '01m7ykjz976rjmjtyzwj0b5hvn', 'b2:aef22a28896725de7ac7bbb5362df257', 'b2:1475454eabf185109c7effe249a88f78', 'demo-model', NULL, NULL, NULL, 21, 5, NULL, 0, '2026-11-21T08:29:25.671355+00:00', NULL);
INSERT INTO "turns" VALUES ('01m7ykjz9e94znwy1j7hjnzvyp', '01m7ykjz976rjmjtyzwj0b5hvn', 'b2:7c0014470ce47e1b28ee324b5a9b7cae', 'b2:2b7895bc6a882aa03f38f088f6e2ae09', 'demo-model', NULL, NULL, NULL, 22, 5, NULL, 0, '2026-11-21T08:29:25.678899+00:00', NULL);
INSERT INTO "turns" VALUES ('01m7ykjz9nzj7y9c4sx9s9m3k5', '01m7ykjz9jby1xh3kn002b83vq', 'b2:6657296c939c53efaf1846ab54dc06d2', 'b2:8434bca9768ce9115e3801f9666dc40c', 'demo-model', NULL, NULL, NULL, 23, 5, NULL, 0, '2026-11-21T08:29:25.685383+00:00', NULL);
INSERT INTO "turns" VALUES ('01m7ykjz9ty240a9kyk6mbwvm9', '01m7ykjz9jby1xh3kn002b83vq', 'b2:4debe376186020f73354d592c26ae6b8', 'b2:3741c6b1304f99cf0d7e5ef1621e7f08', 'demo-model', NULL, NULL, NULL, 24, 5, NULL, 0, '2026-11-21T08:29:25.690280+00:00', NULL);
INSERT INTO "turns" VALUES ('01m7ykjz9y15k9ejrz9vcrj5rs', '01m7ykjz9y15k9ejrz9vcrj5rr', 'b2:c6316cfd986adcef827e63e180445db5', 'b2:283d07476c65b331a184087560d052a8', 'demo-model', NULL, NULL, NULL, 25, 5, NULL, 0, '2026-11-21T08:29:25.694433+00:00', NULL);
