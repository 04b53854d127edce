-- The foundation: accounts and their configuration, people, codes, events, rewards, coupons, ledgers, webhooks, jobs.
-- +goose Up

-- Tables without an account in their key: see Global in tables.go.

CREATE TABLE account (
  id          BIGINT NOT NULL PRIMARY KEY,
  slug        $text NOT NULL UNIQUE,
  version     BIGINT NOT NULL, -- of the settings in force
  changed     BIGINT NOT NULL, -- raised by every apply that changed anything; nodes reload when it rises
  public_key  $text NOT NULL, -- PEM; the private half is sealed in account_key
  created_at  BIGINT NOT NULL
);

CREATE TABLE node (
  id          BIGINT NOT NULL PRIMARY KEY,
  token       BIGINT NOT NULL, -- raised by every new holder: an old one cannot renew
  mark        BIGINT NOT NULL, -- no id at or above this millisecond has been given
  lease_until BIGINT NOT NULL
);

CREATE TABLE key_directory (
  hash        $text NOT NULL PRIMARY KEY, -- SHA-256 of use and value
  account_id  BIGINT NOT NULL
);

CREATE TABLE code_directory (
  folded      $text NOT NULL PRIMARY KEY,
  account_id  BIGINT NOT NULL
);

-- Configuration.

CREATE TABLE account_version (
  account_id  BIGINT NOT NULL,
  version     BIGINT NOT NULL,
  spec        $text NOT NULL,
  at          BIGINT NOT NULL,
  PRIMARY KEY (account_id, version)
) $clustered;

CREATE TABLE account_key (
  account_id  BIGINT NOT NULL,
  hash        $text NOT NULL,
  name_of_use $text NOT NULL,
  sealed      $text NOT NULL,
  name        $text NOT NULL,
  permissions $text NOT NULL,
  PRIMARY KEY (account_id, hash)
) $clustered;

CREATE TABLE campaign (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  uuid        $text NOT NULL,
  version     BIGINT NOT NULL,
  archived    BIGINT NOT NULL,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (account_id, id),
  UNIQUE (account_id, uuid)
) $clustered;

CREATE TABLE campaign_version (
  account_id  BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL,
  version     BIGINT NOT NULL,
  spec        $text NOT NULL,
  at          BIGINT NOT NULL,
  PRIMARY KEY (account_id, campaign_id, version)
) $clustered;

CREATE TABLE endpoint (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  dialect     $text NOT NULL,
  event       $text NOT NULL,
  topic       $text NOT NULL,
  url         $text NOT NULL,
  campaign_id BIGINT NOT NULL,
  origins     BIGINT NOT NULL, -- a set of bits: where people that it is told of came from; 0 is anywhere
  rule_id     BIGINT NOT NULL, -- whose rewards it is told of; 0 is any
  from_file   BIGINT NOT NULL, -- 1: it ends when the project file no longer names it
  paused      BIGINT NOT NULL, -- 1: what it is told waits
  failures    BIGINT NOT NULL, -- tries in a row that failed
  probe_at    BIGINT NOT NULL, -- when the next request may go, once many have failed; 0 is at any time
  probe_job   BIGINT NOT NULL, -- of the delivery that waits to be that request; 0: none does
  ended       BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
) $clustered;
CREATE INDEX endpoint_failing ON endpoint (account_id, id) WHERE probe_at <> 0; -- few, counted over all accounts

-- People.

CREATE TABLE person (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  alias_of    BIGINT NOT NULL, -- the person this one was merged into; 0 is none
  aliases     BIGINT NOT NULL, -- how many were merged into this one
  purchases   BIGINT NOT NULL, -- counted ones; verify recounts them
  turns       BIGINT NOT NULL, -- raised under this row's lock: the order in which verify replays
  loyalty     $text NOT NULL, -- in, out, blocked; '': nobody has said
  created_at  BIGINT NOT NULL,
  erased_at   BIGINT NOT NULL, -- nobody is behind the row from then on; it stays for the sums
  PRIMARY KEY (account_id, id)
) $clustered;
CREATE INDEX person_alias ON person (account_id, alias_of) WHERE alias_of <> 0;
CREATE INDEX person_erased ON person (account_id, id) WHERE erased_at <> 0;

CREATE TABLE identity (
  account_id  BIGINT NOT NULL,
  kind        BIGINT NOT NULL, -- 1 customer id, 2 e-mail
  value       $text NOT NULL, -- an e-mail is folded
  person_id   BIGINT NOT NULL,
  shown       $text NOT NULL, -- as it was sent
  main        BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  PRIMARY KEY (account_id, kind, value)
) $clustered;
CREATE INDEX identity_person ON identity (account_id, person_id, kind, main, at, shown); -- all that telling of somebody reads

CREATE TABLE profile (
  account_id  BIGINT NOT NULL,
  person_id   BIGINT NOT NULL,
  first_name  $text NOT NULL,
  last_name   $text NOT NULL,
  ip          $text NOT NULL, -- last sent in a body about this person
  agent       $text NOT NULL,
  body        $text NOT NULL, -- JSON: what else was sent of this person
  PRIMARY KEY (account_id, person_id)
) $clustered;

CREATE TABLE participant (
  account_id    BIGINT NOT NULL,
  id            BIGINT NOT NULL,
  uuid          $text NOT NULL,
  campaign_id   BIGINT NOT NULL,
  person_id     BIGINT NOT NULL,
  code_id       BIGINT NOT NULL, -- the main code
  referrer_id   BIGINT NOT NULL, -- the participant who brought this one; 0 is none
  referred_at   BIGINT NOT NULL, -- of the click, else of the join: the window counts from here
  signed_up_at  BIGINT NOT NULL, -- 0: not yet
  captured_at   BIGINT NOT NULL,
  confirmed_at  BIGINT NOT NULL, -- 0: the campaign waits for it
  qualified_at  BIGINT NOT NULL,
  source        $text NOT NULL,
  joined_at     BIGINT NOT NULL,
  state         $text NOT NULL, -- imported, unconfirmed, applied, rejected, invited, active, suspended; who is active may be idle
  state_before  $text NOT NULL, -- what a suspended one goes back to; ''
  imported_at   BIGINT NOT NULL, -- when a state was first reached; 0: not yet
  applied_at    BIGINT NOT NULL,
  invited_at    BIGINT NOT NULL,
  active_at     BIGINT NOT NULL,
  seen_at       BIGINT NOT NULL, -- of the last check-in; 0: none
  points        BIGINT NOT NULL, -- the sum of their points
  referrals     BIGINT NOT NULL, -- whom they brought, confirmed
  invited_by    BIGINT NOT NULL, -- the event by which another participant invited this one; 0: nobody did
  invitations   BIGINT NOT NULL, -- how many friends they invited
  changed_at    BIGINT NOT NULL,
  PRIMARY KEY (account_id, id),
  UNIQUE (account_id, campaign_id, person_id)
) $clustered;
CREATE INDEX participant_waiting ON participant (account_id, campaign_id, applied_at, id, referrals, points) WHERE state = 'applied'; -- all that a waitlist is made of
CREATE UNIQUE INDEX participant_uuid ON participant (account_id, uuid);
CREATE INDEX participant_active ON participant (account_id, campaign_id, seen_at) WHERE state = 'active'; -- how many are idle
CREATE INDEX participant_person ON participant (account_id, person_id);
CREATE INDEX participant_referrer ON participant (account_id, referrer_id) WHERE referrer_id <> 0;

-- How far a file of people was brought in.
CREATE TABLE import (
  account_id  BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL,
  file        $text NOT NULL, -- digest
  people      BIGINT NOT NULL, -- the last line whose person is there
  referrers   BIGINT NOT NULL, -- the last line whose referrer was looked for
  PRIMARY KEY (account_id, campaign_id, file)
) $clustered;

-- Lines of such a file that were refused: what they say of referrers is not taken either.
CREATE TABLE import_refused (
  account_id  BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL,
  file        $text NOT NULL,
  line        BIGINT NOT NULL,
  PRIMARY KEY (account_id, campaign_id, file, line)
) $clustered;

-- What was told of a participant beside the person's profile; it goes with the person.
CREATE TABLE card (
  account_id     BIGINT NOT NULL,
  participant_id BIGINT NOT NULL,
  var1           $text NOT NULL, -- three texts that mean something to the merchant
  var2           $text NOT NULL,
  var3           $text NOT NULL,
  body           $text NOT NULL, -- JSON: groups, answers to questions, whatever else
  PRIMARY KEY (account_id, participant_id)
) $clustered;
CREATE INDEX card_var1 ON card (account_id, var1) WHERE var1 <> '';
CREATE INDEX card_var2 ON card (account_id, var2) WHERE var2 <> '';
CREATE INDEX card_var3 ON card (account_id, var3) WHERE var3 <> '';

-- On which days participants checked in, and how often.
CREATE TABLE check_in (
  account_id     BIGINT NOT NULL,
  participant_id BIGINT NOT NULL,
  day            BIGINT NOT NULL, -- of the account's zone: days since 1970
  campaign_id    BIGINT NOT NULL,
  n              BIGINT NOT NULL,
  PRIMARY KEY (account_id, participant_id, day)
) $clustered;
CREATE INDEX check_in_day ON check_in (account_id, campaign_id, day, n);

CREATE TABLE code (
  account_id     BIGINT NOT NULL,
  folded         $text NOT NULL,
  id             BIGINT NOT NULL, -- what all other rows call it: a code may be somebody's name, and is written here alone
  shown          $text NOT NULL,
  campaign_id    BIGINT NOT NULL,
  participant_id BIGINT NOT NULL, -- 0: the campaign's own join link
  person_id      BIGINT NOT NULL,
  seed           $text NOT NULL, -- digest of what was asked for
  place          $text NOT NULL, -- channel, widget and parameters: one link each, unless a seed asks for another
  channel        $text NOT NULL,
  params         $text NOT NULL, -- query that the landing address gets
  named          BIGINT NOT NULL, -- 1: made of what somebody is called; it ends when they are erased
  made_at        BIGINT NOT NULL,
  PRIMARY KEY (account_id, folded)
) $clustered;
CREATE INDEX code_id ON code (account_id, id, shown); -- all that is read of a code that somebody is shown with
CREATE INDEX code_participant ON code (account_id, participant_id);

-- Whom lists in memory have to read again. Rows are short-lived: whoever
-- follows them does so every few seconds, and what is older is pruned.
CREATE TABLE person_change (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  person_id   BIGINT NOT NULL,
  lists       BIGINT NOT NULL, -- 1: participants, 2: rewards held, 3: both
  gone_id     BIGINT NOT NULL, -- the participant that is no more; 0 is none
  PRIMARY KEY (account_id, id)
) $clustered;

-- What happened.

CREATE TABLE visitor (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  person_id   BIGINT NOT NULL, -- whoever the browser was known as, each in a row; the last one is who it is
  at          BIGINT NOT NULL, -- when it was last known as that person
  PRIMARY KEY (account_id, id, person_id)
) $clustered;
CREATE INDEX visitor_person ON visitor (account_id, person_id, id); -- fraud checks ask for the browsers of two

CREATE TABLE click (
  account_id     BIGINT NOT NULL,
  id             BIGINT NOT NULL,
  code_id        BIGINT NOT NULL,
  campaign_id    BIGINT NOT NULL,
  participant_id BIGINT NOT NULL,
  visitor_id     BIGINT NOT NULL,
  self           BIGINT NOT NULL, -- 1: the visitor owns the code
  facet_id       BIGINT NOT NULL,
  at             BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
) $clustered;
CREATE INDEX click_visitor ON click (account_id, visitor_id, id);
CREATE INDEX click_facet ON click (account_id, facet_id, at, id);

-- Who saw a form of a campaign.
CREATE TABLE impression (
  account_id  BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL,
  viewer_id   BIGINT NOT NULL, -- the visitor, or the person where no browser is known
  event_id    BIGINT NOT NULL, -- the first time
  PRIMARY KEY (account_id, campaign_id, viewer_id)
) $clustered;

CREATE TABLE attribution (
  account_id     BIGINT NOT NULL,
  code_id        BIGINT NOT NULL,
  minute         BIGINT NOT NULL,
  uuid           $text NOT NULL,
  PRIMARY KEY (account_id, code_id, minute),
  UNIQUE (account_id, uuid)
) $clustered;

CREATE TABLE event_name (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  name        $text NOT NULL,
  PRIMARY KEY (account_id, id),
  UNIQUE (account_id, name)
) $clustered;

CREATE TABLE event_key (
  account_id  BIGINT NOT NULL,
  hash        $text NOT NULL, -- keyed: the clear text stands in the detail
  event_id    BIGINT NOT NULL,
  PRIMARY KEY (account_id, hash)
) $clustered;

CREATE TABLE event (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  uuid        $text NOT NULL,
  kind        $text NOT NULL,
  name_id     BIGINT NOT NULL,
  person_id   BIGINT NOT NULL, -- 0: nobody is known
  turn        BIGINT NOT NULL, -- of the person
  subject_id  BIGINT NOT NULL, -- the reward, participant or person that the event changed
  amount      BIGINT NOT NULL,
  currency    $text NOT NULL,
  version     BIGINT NOT NULL, -- of the account's settings
  facts       $text NOT NULL, -- JSON: the answer to each condition that a rule asked
  facet_id    BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
) $clustered;
CREATE INDEX event_person ON event (account_id, person_id, id);
CREATE INDEX event_visitor ON event (account_id, subject_id, id) WHERE person_id = 0 AND subject_id <> 0; -- what a visitor did before they were known
CREATE INDEX event_facet ON event (account_id, facet_id, at, id) WHERE facet_id <> 0;
CREATE INDEX event_loyalty ON event (account_id, person_id, id) WHERE kind = 'loyalty'; -- somebody's log, among all that they did

CREATE TABLE detail (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL, -- of the event or click
  body        $text NOT NULL, -- JSON; deleted when its person is erased
  PRIMARY KEY (account_id, id)
) $clustered;

CREATE TABLE raised (
  account_id  BIGINT NOT NULL,
  person_id   BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL, -- 0: the account's earning rules
  kind        $text NOT NULL, -- what is raised once per person and campaign
  role        $text NOT NULL, -- advocate (and friend), customer, earning
  event_id    BIGINT NOT NULL,
  PRIMARY KEY (account_id, person_id, campaign_id, kind, role)
) $clustered;

-- How much of what a campaign bounds came from network addresses.
CREATE TABLE ip_use (
  account_id  BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL,
  address     $text NOT NULL, -- keyed hash
  id          BIGINT NOT NULL, -- what events call it
  sign_ups    BIGINT NOT NULL,
  referrals   BIGINT NOT NULL,
  PRIMARY KEY (account_id, campaign_id, address)
) $clustered;

-- How many the invitation codes of a campaign's own have let in.
CREATE TABLE invitation_use (
  account_id  BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL,
  code        $text NOT NULL, -- folded
  uses        BIGINT NOT NULL,
  PRIMARY KEY (account_id, campaign_id, code)
) $clustered;

CREATE TABLE conversion (
  account_id     BIGINT NOT NULL,
  id             BIGINT NOT NULL,
  event_id       BIGINT NOT NULL,
  campaign_id    BIGINT NOT NULL,
  version        BIGINT NOT NULL,
  kind           $text NOT NULL,
  advocate_id    BIGINT NOT NULL, -- participant
  advocate       BIGINT NOT NULL, -- the person whose turn it took
  turn           BIGINT NOT NULL,
  friend_id      BIGINT NOT NULL, -- person; 0: nobody is known
  via            $text NOT NULL, -- coupon, attribution, code, click, referrer
  code_id        BIGINT NOT NULL, -- 0: it came by none
  counted_from   BIGINT NOT NULL, -- when the window opened
  facet_id       BIGINT NOT NULL,
  at             BIGINT NOT NULL,
  PRIMARY KEY (account_id, id),
  UNIQUE (account_id, event_id, campaign_id)
) $clustered;
CREATE INDEX conversion_advocate ON conversion (account_id, advocate, id);
CREATE INDEX conversion_facet ON conversion (account_id, facet_id, at, id) WHERE facet_id <> 0;

-- Rewards.

CREATE TABLE reward (
  account_id     BIGINT NOT NULL,
  id             BIGINT NOT NULL,
  uuid           $text NOT NULL,
  event_id       BIGINT NOT NULL,
  rule_id        BIGINT NOT NULL,
  role           $text NOT NULL, -- advocate, friend, customer, earning
  campaign_id    BIGINT NOT NULL, -- 0: an earning rule
  version        BIGINT NOT NULL, -- of the campaign, or of the settings for an earning rule
  conversion_id  BIGINT NOT NULL,
  person_id      BIGINT NOT NULL, -- who receives it
  friend_id      BIGINT NOT NULL, -- person; who brought it, 0 where nobody is known
  state          $text NOT NULL,
  place          BIGINT NOT NULL, -- 1: it counts for limit, after and repeat
  number         BIGINT NOT NULL, -- which of the advocate's friends this was for that rule
  kind           $text NOT NULL, -- type of value
  amount         BIGINT NOT NULL,
  unit           $text NOT NULL,
  batch_id       BIGINT NOT NULL,
  coupon_id      BIGINT NOT NULL,
  due_at         BIGINT NOT NULL, -- end of the hold; 0 is none
  why            $text NOT NULL, -- JSON
  facet_id       BIGINT NOT NULL,
  at             BIGINT NOT NULL,
  earned_at      BIGINT NOT NULL,
  delivered_at   BIGINT NOT NULL,
  ended_at       BIGINT NOT NULL,
  PRIMARY KEY (account_id, id),
  UNIQUE (account_id, event_id, rule_id, role)
) $clustered;
CREATE INDEX reward_person ON reward (account_id, person_id, id);
CREATE INDEX reward_facet ON reward (account_id, facet_id, at, id) WHERE facet_id <> 0;
CREATE INDEX reward_waiting ON reward (account_id, batch_id, id) WHERE state = 'pending' AND batch_id <> 0;

CREATE TABLE progress (
  account_id  BIGINT NOT NULL,
  rule_id     BIGINT NOT NULL,
  role        $text NOT NULL,
  person_id   BIGINT NOT NULL,
  friends     BIGINT NOT NULL, -- referrals counted towards after
  places      BIGINT NOT NULL, -- rewards that count for limit, after and repeat
  PRIMARY KEY (account_id, person_id, rule_id, role)
) $clustered;

CREATE TABLE referral (
  account_id  BIGINT NOT NULL,
  rule_id     BIGINT NOT NULL,
  person_id   BIGINT NOT NULL, -- the advocate
  friend_id   BIGINT NOT NULL,
  number      BIGINT NOT NULL,
  PRIMARY KEY (account_id, friend_id, person_id, rule_id)
) $clustered;

-- What somebody holds under a rule: a row for each state in which rewards
-- were earned, delivered, or revoked after that. It stays when it comes to
-- nothing.
CREATE TABLE holding (
  account_id  BIGINT NOT NULL,
  person_id   BIGINT NOT NULL, -- as in the rewards
  rule_id     BIGINT NOT NULL,
  role        $text NOT NULL,
  state       $text NOT NULL,
  id          BIGINT NOT NULL,
  campaign_id BIGINT NOT NULL,
  n           BIGINT NOT NULL,
  amount      BIGINT NOT NULL, -- of all together
  issued_at   BIGINT NOT NULL, -- when the last one was delivered; 0: not yet
  PRIMARY KEY (account_id, person_id, rule_id, role, state)
) $clustered;

-- Points.

CREATE TABLE point (
  account_id     BIGINT NOT NULL,
  id             BIGINT NOT NULL, -- of the event
  campaign_id    BIGINT NOT NULL,
  participant_id BIGINT NOT NULL,
  activity       $text NOT NULL, -- sign_up, share, referral, reward, friend_reward, bonus
  subject_id     BIGINT NOT NULL, -- the friend (participant) or the reward that brought them; 0: neither
  quantity       BIGINT NOT NULL, -- negative takes away
  note           $text NOT NULL, -- why, in the merchant's own words; redacted when the person is erased
  at             BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
) $clustered;
CREATE INDEX point_campaign ON point (account_id, campaign_id, id);
CREATE INDEX point_participant ON point (account_id, participant_id, id);
CREATE INDEX point_subject ON point (account_id, subject_id, id) WHERE subject_id <> 0; -- what goes when that does

-- Coupons.

CREATE TABLE coupon_batch (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  name        $text NOT NULL,
  campaign_id BIGINT NOT NULL,
  prefix      $text NOT NULL,
  size        BIGINT NOT NULL, -- how many codes it holds; the newest has this id
  told        BIGINT NOT NULL, -- at which percentage of use the merchant was told last; 0: not since codes were added
  watched     BIGINT NOT NULL, -- the percentage that each code handed out may reach, as one behind that place went early; 0: none
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (account_id, id),
  UNIQUE (account_id, name)
) $clustered;

CREATE TABLE coupon (
  account_id  BIGINT NOT NULL,
  batch_id    BIGINT NOT NULL,
  id          BIGINT NOT NULL, -- its place in the batch: codes are handed out in this order
  code        $text NOT NULL,
  holder_id   BIGINT NOT NULL, -- the reward, or the event of a redemption, that it was handed out to; 0: free
  person_id   BIGINT NOT NULL, -- who got it
  friend      BIGINT NOT NULL, -- 1: handed out as a friend's reward, so it attributes
  handed_at   BIGINT NOT NULL,
  used_at     BIGINT NOT NULL,
  uses        BIGINT NOT NULL, -- events that used it; verify counts them
  voided_at   BIGINT NOT NULL,
  PRIMARY KEY (account_id, batch_id, id),
  UNIQUE (account_id, code)
) $clustered;
CREATE INDEX coupon_free ON coupon (account_id, batch_id, id) WHERE holder_id = 0;
CREATE INDEX coupon_person ON coupon (account_id, person_id, handed_at, batch_id, id) WHERE person_id <> 0; -- a person's, newest first

-- Ledgers.

CREATE TABLE ledger (
  account_id  BIGINT NOT NULL,
  holder      $text NOT NULL, -- p and a person's id, or c and a custom id's keyed hash
  currency    $text NOT NULL,
  balance     BIGINT NOT NULL CHECK (balance >= 0),
  entries     BIGINT NOT NULL, -- how many; the newest carries this number
  next_expiry BIGINT NOT NULL, -- no active credit expires before; 0: none expires
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (account_id, holder, currency)
) $clustered;

CREATE TABLE ledger_entry (
  account_id  BIGINT NOT NULL,
  holder      $text NOT NULL,
  currency    $text NOT NULL,
  number      BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  kind        $text NOT NULL, -- add, remove, redeem, expire, reverse, move_in, move_out
  amount      BIGINT NOT NULL, -- negative takes away
  balance     BIGINT NOT NULL CHECK (balance >= 0), -- after it
  reward_id   BIGINT NOT NULL,
  event_id    BIGINT NOT NULL, -- of a redemption
  note        $text NOT NULL, -- the merchant's own words; redacted when the person is erased
  at          BIGINT NOT NULL,
  PRIMARY KEY (account_id, holder, currency, number)
) $clustered;

CREATE TABLE credit (
  account_id  BIGINT NOT NULL,
  holder      $text NOT NULL,
  currency    $text NOT NULL,
  id          BIGINT NOT NULL, -- of the entry that made it
  amount      BIGINT NOT NULL,
  remaining   BIGINT NOT NULL CHECK (remaining >= 0),
  expires_at  BIGINT NOT NULL, -- the largest number is never
  ended_at    BIGINT NOT NULL, -- 0: active
  ended       $text NOT NULL, -- '', redeemed, expired, reversed, moved
  reward_id   BIGINT NOT NULL,
  earned_at   BIGINT NOT NULL,
  PRIMARY KEY (account_id, holder, currency, id)
) $clustered;
CREATE INDEX credit_active ON credit (account_id, holder, currency, expires_at, earned_at, id) WHERE ended_at = 0;

-- Lists and their counts: see docs/decisions/0012-lists-and-counts.md.

CREATE TABLE facet (
  account_id  BIGINT NOT NULL,
  list        $text NOT NULL, -- view, share, click, sign_up, purchase, reward, capture
  id          BIGINT NOT NULL, -- digest of what follows and the list; rows carry it, 0 is in no list
  campaign_id BIGINT NOT NULL,
  channel     $text NOT NULL,
  widget_id   $text NOT NULL,
  widget      $text NOT NULL,
  kind        $text NOT NULL,
  PRIMARY KEY (account_id, list, id)
) $clustered;

CREATE TABLE facet_count (
  account_id  BIGINT NOT NULL,
  facet_id    BIGINT NOT NULL,
  level       BIGINT NOT NULL, -- minutes in a bucket: 1, 60, 1440, 43200
  bucket      BIGINT NOT NULL, -- of Unix time
  n           BIGINT NOT NULL,
  PRIMARY KEY (account_id, facet_id, level, bucket)
) $clustered;

CREATE TABLE roll (
  account_id  BIGINT NOT NULL,
  sealed      BIGINT NOT NULL, -- minutes of Unix time before this one are counted
  PRIMARY KEY (account_id)
) $clustered;

CREATE TABLE recount (
  account_id  BIGINT NOT NULL,
  facet_id    BIGINT NOT NULL,
  minute      BIGINT NOT NULL, -- whose rows changed after it may have been counted
  id          BIGINT NOT NULL, -- of this mark
  PRIMARY KEY (account_id, facet_id, minute, id)
) $clustered;

-- Counters for reports.

CREATE TABLE tally (
  account_id  BIGINT NOT NULL,
  subject_id  BIGINT NOT NULL, -- a participant, or minus a campaign
  what        $text NOT NULL,
  slot        BIGINT NOT NULL,
  n           BIGINT NOT NULL,
  PRIMARY KEY (account_id, subject_id, what, slot)
) $clustered;

CREATE TABLE tally_due (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  what        $text NOT NULL,
  body        $text NOT NULL, -- what tally is to be raised by: subject, space, number, space, and so on
  PRIMARY KEY (account_id, id)
) $clustered;

-- What leaves the house.

CREATE TABLE job (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  kind        $text NOT NULL,
  lane        BIGINT NOT NULL, -- jobs of different lanes never wait for each other
  subject_id  BIGINT NOT NULL,
  payload     $text NOT NULL,
  run_at      BIGINT NOT NULL, -- when it is due; a claim moves this to the end of its lease
  attempt     BIGINT NOT NULL, -- raised by every claim: the fencing token
  dead        BIGINT NOT NULL, -- 1: given up, kept; 2: held back while its endpoint is paused
  error       $text NOT NULL, -- of the last try; ''
  PRIMARY KEY (account_id, id)
) $clustered;
CREATE INDEX job_due ON job (run_at, account_id, kind, lane) WHERE dead = 0;
CREATE INDEX job_lane ON job (account_id, kind, lane, run_at, id) WHERE dead = 0;
CREATE INDEX job_dead ON job (account_id, id) WHERE dead = 1;
CREATE INDEX job_held ON job (account_id, lane, id) WHERE dead = 2;

CREATE TABLE delivery (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  uuid        $text NOT NULL,
  endpoint_id BIGINT NOT NULL,
  state       $text NOT NULL, -- open, sending, delivered, refused, failed, void
  items       BIGINT NOT NULL, -- how many it tells of
  frozen      BIGINT NOT NULL, -- 1: its body stands, written by the first attempt; 0 again once somebody in it was erased
  redacted    BIGINT NOT NULL, -- raised when somebody it tells of is erased: what was written before is not sent
  attempts    BIGINT NOT NULL,
  tries       BIGINT NOT NULL, -- attempts since it was replayed
  at          BIGINT NOT NULL,
  first_at    BIGINT NOT NULL, -- of the first attempt
  since       BIGINT NOT NULL, -- of the first since it was replayed: the schedule counts from here
  ended_at    BIGINT NOT NULL,
  PRIMARY KEY (account_id, id),
  UNIQUE (account_id, uuid)
) $clustered;
CREATE INDEX delivery_open ON delivery (account_id, endpoint_id, id) WHERE first_at = 0; -- not by its state, which changes when it has long been out of here

-- No two bodies fit a page of a clustered table, so this one is not.
CREATE TABLE delivery_body (
  account_id  BIGINT NOT NULL,
  delivery_id BIGINT NOT NULL,
  body        $text NOT NULL,
  PRIMARY KEY (account_id, delivery_id)
);

CREATE TABLE delivery_item (
  account_id  BIGINT NOT NULL,
  delivery_id BIGINT NOT NULL,
  subject_id  BIGINT NOT NULL, -- what is told of: a reward, event, participant or entry of points
  payload     $text NOT NULL, -- what the rows do not say any more of one that is gone; nothing from outside
  PRIMARY KEY (account_id, delivery_id, subject_id)
) $clustered;
CREATE INDEX delivery_item_subject ON delivery_item (account_id, subject_id); -- what tells of somebody who is erased

CREATE TABLE attempt (
  account_id  BIGINT NOT NULL,
  delivery_id BIGINT NOT NULL,
  number      BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  took_ms     BIGINT NOT NULL,
  status      BIGINT NOT NULL, -- 0: no answer came
  excerpt     $text NOT NULL,
  error       $text NOT NULL,
  PRIMARY KEY (account_id, delivery_id, number)
) $clustered;

-- Mail.

CREATE TABLE mail (
  account_id     BIGINT NOT NULL,
  id             BIGINT NOT NULL,
  kind           $text NOT NULL,
  state          $text NOT NULL, -- asking, waiting, sent, bounced, failed, suppressed, forbidden, void
  campaign_id    BIGINT NOT NULL, -- 0: none
  participant_id BIGINT NOT NULL, -- who gets it; 0: somebody who may be nobody here
  person_id      BIGINT NOT NULL, -- who that is; 0 likewise
  sender_id      BIGINT NOT NULL, -- person at whose request it goes; 0: the account's
  subject_id     BIGINT NOT NULL, -- the event of a share, or the reward; 0: none
  code_id        BIGINT NOT NULL,
  recipient      $text NOT NULL, -- '' before the first attempt, and once somebody in it was erased
  address        $text NOT NULL, -- keyed hash of the folded recipient; it stays
  body           $text NOT NULL, -- JSON: what only this mail says; deleted when somebody in it is erased
  widget_id      $text NOT NULL,
  widget         $text NOT NULL,
  attempts       BIGINT NOT NULL,
  error          $text NOT NULL, -- of the last attempt, as the next server said it
  at             BIGINT NOT NULL,
  slot_at        BIGINT NOT NULL, -- when the sending rate lets it go
  first_at       BIGINT NOT NULL, -- of the first attempt: the time to give up counts from here
  ended_at       BIGINT NOT NULL,
  opened_at      BIGINT NOT NULL, -- for the first time; 0: not yet
  clicked_at     BIGINT NOT NULL, -- likewise
  bounced_at     BIGINT NOT NULL,
  spam_at        BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
) $clustered;
CREATE INDEX mail_address ON mail (account_id, address, id) WHERE address <> ''; -- what came back names a recipient, and no mail
CREATE INDEX mail_person ON mail (account_id, person_id, id) WHERE person_id <> 0;
CREATE INDEX mail_sender ON mail (account_id, sender_id, at) WHERE sender_id <> 0; -- how many somebody sent of late
CREATE INDEX mail_subject ON mail (account_id, subject_id, id) WHERE subject_id <> 0;

CREATE TABLE mail_mark (
  account_id  BIGINT NOT NULL,
  id          BIGINT NOT NULL,
  mail_id     BIGINT NOT NULL,
  mark        $text NOT NULL,
  facet_id    BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
) $clustered;
CREATE INDEX mail_mark_facet ON mail_mark (account_id, facet_id, at, id) WHERE facet_id <> 0;

CREATE TABLE mail_pace (
  account_id  BIGINT NOT NULL,
  next_at     BIGINT NOT NULL, -- when the sending rate lets the next mail go
  PRIMARY KEY (account_id)
) $clustered;

CREATE TABLE suppression (
  account_id  BIGINT NOT NULL,
  address     $text NOT NULL, -- keyed hash of the folded address: it holds when the address is erased
  id          BIGINT NOT NULL,
  email       $text NOT NULL, -- as it was sent; '' once whose it is was erased
  reason      $text NOT NULL, -- manual, hard_bounce, unsubscribed, spam_complaint
  at          BIGINT NOT NULL,
  PRIMARY KEY (account_id, address),
  UNIQUE (account_id, id)
) $clustered;

-- How often an account's callers called: what the nodes of a server add up, and forget.

CREATE TABLE rate_count (
  account_id  BIGINT NOT NULL,
  ends        BIGINT NOT NULL, -- of the window
  subject     $text NOT NULL, -- keyed hash of the limit and who calls
  n           BIGINT NOT NULL,
  PRIMARY KEY (account_id, ends, subject)
) $clustered;

CREATE TABLE rate_overrun (
  account_id  BIGINT NOT NULL,
  limit_name  $text NOT NULL,
  address     $text NOT NULL, -- of a merchant's program, as it calls
  ends        BIGINT NOT NULL, -- of the window in which it was refused
  PRIMARY KEY (account_id, address, limit_name, ends)
) $clustered;

CREATE TABLE rate_block (
  account_id  BIGINT NOT NULL,
  limit_name  $text NOT NULL,
  address     $text NOT NULL,
  until       BIGINT NOT NULL,
  PRIMARY KEY (account_id, address, limit_name)
) $clustered;
