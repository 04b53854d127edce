//go:build e2e

package e2e_test

// Ways to send a key.
var (
	bearer  = []string{"-H", "Authorization: Bearer cycles-all"}
	queried = []string{"-H", "Accept: application/json"} // the address has it
	signUps = []string{"-H", "Authorization: Bearer cycles-signups"}
)

// waitlistRequests bring people onto a waitlist, and show them.
func waitlistRequests() []request {
	return []request{
		{what: "somebody who came first", method: "POST", target: "/21/testers.json", auth: signUps,
			body: `{"tester": {"email": "olaf@rider.example.com"}}`, status: 201, has: map[string]any{"status": "applied", "referred_by": nil}},
		{what: "CREATE user", method: "POST", target: "/21/testers.json",
			body: `{"tester": {"email": "rosa@rider.example.com", "profile": {"first_name": "Rosa", "last_name": "Vega", "city": "Porto", "custom_var1": "two seats"}}}`, status: 201,
			has:   map[string]any{"email": "rosa@rider.example.com", "status": "applied", "profile.first_name": "Rosa", "profile.custom_var1": "two seats"},
			bring: map[string]string{"rosa": "id", "rosaUUID": "uuid", "code": "referral_code", "invitation": "invitation_code"}},
		{what: "CREATE user, with a referrer", method: "POST", target: "/21/testers?api_key=cycles-all", auth: queried,
			body: `{"tester": {"email": "finn@rider.example.com", "referrer_id": "{code}", "groups": "Press"}}`, status: 201,
			has: map[string]any{"referred_by": "rosa@rider.example.com", "groups": "Press"}, bring: map[string]string{"finn": "id"}},
		{what: "CREATE user, again", method: "POST", target: "/21/testers",
			body: `{"tester": {"email": "Finn@rider.example.com"}}`, status: 422, answers: `{"errors":[{"code":2310,"message":"Email has already been taken"}]}`},
		{what: "CREATE user, without a key", method: "POST", target: "/21/testers", auth: []string{},
			body: `{"tester": {"email": "nemo@rider.example.com"}}`, status: 401, answers: `{"error":"An API key is required."}`},
		{what: "LIST user", method: "GET", target: "/21/testers.json?email=finn@rider.example.com", status: 200, pages: "1 of 1", has: map[string]any{"email": "finn@rider.example.com"},
			bring: map[string]string{"found": "id"}},
		{what: "LIST user, by name", method: "GET", target: "/21/testers?name=vega", auth: signUps, status: 200, pages: "1 of 1", has: map[string]any{"uuid": "{rosaUUID}"}},
		{what: "SHOW user", method: "GET", target: "/21/testers/{found}", status: 200, has: map[string]any{"email": "finn@rider.example.com", "joined_at": nil}},
		{what: "SHOW user, by UUID", method: "GET", target: "/21/testers/{rosaUUID}.json", auth: bearer, status: 200,
			has: map[string]any{"email": "rosa@rider.example.com", "share_signups_count": 1, "share_link": "https://ride.example.com/{code}", "share_status_link": "https://ride.example.com/{code}?check={rosaUUID}"}},
		{what: "verify an invitation code", method: "GET", target: "/21/testers/{rosa}/verify?invitation_code={invitation}", status: 200, has: map[string]any{"uuid": "{rosaUUID}"}},
		{what: "SHOW project", method: "GET", target: "/21", status: 200,
			has: map[string]any{"name": "Cargo bike", "homepage_url": "https://cycles.example.com", "testers_count": 3, "applied_testers_count": 3, "share_signups_count": 1}},
		{what: "SHOW project, with a key for sign-ups", method: "GET", target: "/21", auth: signUps, status: 403, answers: `{"error":"The API key does not have the permission projects:read."}`},
		{what: "projects", method: "GET", target: "", status: 200},
	}
}

// riderRequests are about who has a bike, and end with nobody there.
func riderRequests() []request {
	return []request{
		{what: "UPDATE user", method: "PUT", target: "/21/testers/{rosa}.json", body: `{"tester": {"status": "invited", "profile": {"custom_var2": "spring"}}}`, status: 200,
			has: map[string]any{"status": "invited", "waitlist_position": nil, "profile.custom_var1": "two seats", "profile.custom_var2": "spring"}},
		{what: "UPDATE user, back", method: "PUT", target: "/21/testers/{rosa}", body: `{"tester": {"status": "applied"}}`, status: 422,
			answers: `{"errors":[{"code":2308,"message":"Status cannot be changed like this"}]}`},
		{what: "CHECKIN user", method: "POST", target: "/21/testers/{rosa}/checkin", status: 202},
		{what: "CHECKIN user, by address", method: "POST", target: "/21/checkins", auth: bearer, body: "checkin[email]=finn@rider.example.com", status: 202},
		{what: "SHOW user, who checked in", method: "GET", target: "/21/testers/{finn}", status: 200, has: map[string]any{"status": "active", "waitlist_length": nil}},

		{what: "TRIGGER rewards", method: "POST", target: "/21/rewards/trigger", body: `{"email": "finn@rider.example.com", "event": "first_ride"}`, status: 200,
			has: map[string]any{"descriptor": "helmet", "name": "A helmet", "type": "SingleSided", "user_role": "referrer", "status": "earned", "delivered_at": nil, "user.email": "rosa@rider.example.com"}},
		{what: "TRIGGER rewards, again", method: "POST", target: "/21/rewards/trigger", body: `{"email": "finn@rider.example.com", "event": "first_ride"}`, status: 200, answers: "[]"},
		{what: "LIST reward", method: "GET", target: "/21/rewards?email=rosa@rider.example.com&status=earned", status: 200, pages: "1 of 1", has: map[string]any{"descriptor": "helmet"},
			bring: map[string]string{"reward": "id"}},
		{what: "SHOW reward", method: "GET", target: "/21/rewards/{reward}.json", status: 200, has: map[string]any{"status": "earned", "user.referral_code": "{code}"}},
		{what: "UPDATE status", method: "PATCH", target: "/21/rewards/{reward}", body: `{"status": "delivered"}`, status: 200, has: map[string]any{"status": "delivered", "revoked_at": nil}},
		{what: "LIST reward, delivered", method: "GET", target: "/21/rewards?status=delivered", status: 200, pages: "1 of 1", has: map[string]any{"user.profile.last_name": "Vega"}},
		{what: "CREATE reward", method: "POST", target: "/21/rewards", body: `{"email": "rosa@rider.example.com", "descriptor": "helmet"}`, status: 201, has: map[string]any{"status": "earned"},
			bring: map[string]string{"second": "id"}},
		{what: "CREATE reward, too many", method: "POST", target: "/21/rewards", body: `{"email": "rosa@rider.example.com", "descriptor": "helmet"}`, status: 422,
			answers: `{"errors":[{"code":2606,"message":"Maximum quantity has been reached"}]}`},
		{what: "CREATE reward, whatever she has", method: "POST", target: "/21/rewards", body: `{"email": "rosa@rider.example.com", "descriptor": "helmet", "skip_quantity_check": true}`, status: 201,
			has: map[string]any{"status": "earned"}},
		{what: "UPDATE status, to revoked", method: "PUT", target: "/21/rewards/{second}", body: `{"status": "revoked"}`, status: 200, has: map[string]any{"status": "revoked", "delivered_at": nil}},

		{what: "CREATE suppression", method: "POST", target: "/21/suppressions", body: `{"email": "olaf@rider.example.com", "reason": "Manual"}`, status: 201,
			has: map[string]any{"email": "olaf@rider.example.com", "reason": "Manual"}},
		{what: "LIST suppression", method: "GET", target: "/21/suppressions?email=olaf@rider.example.com", status: 200, pages: "1 of 1", has: map[string]any{"reason": "Manual"},
			bring: map[string]string{"suppression": "id"}},
		{what: "GET suppression", method: "GET", target: "/21/suppressions/{suppression}", status: 200, has: map[string]any{"email": "olaf@rider.example.com"}},
		{what: "DELETE suppression", method: "DELETE", target: "/21/suppressions/{suppression}", status: 200},
		{what: "LIST suppression, that there is no more", method: "GET", target: "/21/suppressions?email=olaf@rider.example.com", status: 200, pages: "0 of 0", answers: "[]"},

		{what: "CREATE friend invitation", method: "POST", target: "/21/friend_invitations",
			body: `{"friend_invitation": {"sender_email": "rosa@rider.example.com", "recipient_email": "lin@rider.example.com", "message": "Ride with me"}}`, status: 201,
			has: map[string]any{"inviter.email": "rosa@rider.example.com", "inviter.friend_invitations_remaining": 4, "invitee.status": "invited", "message": "Ride with me"}},
		{what: "CREATE friend invitation, to somebody who is there", method: "POST", target: "/21/friend_invitations",
			body: `{"sender_email": "rosa@rider.example.com", "recipient_email": "olaf@rider.example.com"}`, status: 422, answers: `{"errors":[{"code":2406,"message":"Email has already been taken"}]}`},

		{what: "CREATE user of a leaderboard", method: "POST", target: "/22/testers", body: `{"email": "rosa@rider.example.com"}`, status: 201, has: map[string]any{"waitlist_position": 1}},
		{what: "CREATE points", method: "POST", target: "/22/points", body: `{"email": "rosa@rider.example.com", "quantity": 10, "reason": "wrote about us"}`, status: 201,
			has: map[string]any{"quantity": 10, "activity": "bonus", "reason": "wrote about us"}},
		{what: "points", method: "GET", target: "/22/points?email=rosa@rider.example.com", status: 200, pages: "2 of 2"},
		{what: "CREATE points, where none count", method: "POST", target: "/21/points", body: `{"email": "rosa@rider.example.com", "quantity": 10}`, status: 422,
			answers: `{"errors":[{"code":2801,"message":"The project is not ordered by points"}]}`},

		{what: "DELETE user", method: "DELETE", target: "/21/testers/{finn}", status: 200},
		{what: "SHOW user, who was deleted", method: "GET", target: "/21/testers/{finn}", status: 404, answers: `{"error":"There is no such user."}`},
		{what: "DELETE project", method: "DELETE", target: "/21", status: 200},
		{what: "SHOW project, that was deleted", method: "GET", target: "/21", status: 404, answers: `{"error":"There is no such beta."}`},
	}
}
