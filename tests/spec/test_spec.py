"""The examples of the first description of this tool, letter by letter, each with what it promises."""

from __future__ import annotations

import json
import re

from tests.spec.conftest import Shell
from tests.support.wait import until

RULE = "═" * 51


def test_a_command_runs_in_the_target_session(sessions: Shell) -> None:
    """`send ... command` types into the session and runs there; the id is on standard output."""
    out = sessions.ok("ts-ipc send claude-blacklist claude-manager 'docker ps' command")
    assert out == "msg-1\n"
    sessions.sees("claude-manager", "docker did: ps")
    assert "docker" not in sessions.tmux.screen("claude-blacklist")


def test_data_is_left_in_the_sessions_file(sessions: Shell) -> None:
    """`send ... data` replaces SESSION.data, byte for byte."""
    id_ = sessions.ok("""ts-ipc send claude-blacklist claude-fortinet '{"status": "ok"}' data""").strip()
    sessions.delivered(id_)
    assert (sessions.ipc / "claude-fortinet.data").read_text() == '{"status": "ok"}'


def test_a_notification_waits_until_somebody_attaches(sessions: Shell) -> None:
    """With nobody there it is held; an attached client sees it, and clients of other sessions do not."""
    sessions.ok("ts-ipc send claude-blacklist claude-planka 'Deployment complete!' notification")
    until(lambda: "nobody is attached" in sessions.ok("ts-ipc queue"), what="held for want of a client")
    out = sessions.ok("ts-ipc queue")
    assert "● claude-blacklist → claude-planka [held]" in out
    sessions.tmux.run("new-session", "-d", "-s", "viewer", "-x", "100", "-y", "30",
                      "env -u TMUX tmux attach -t claude-planka")  # fmt: skip
    sessions.sees("viewer", "Deployment complete!")
    sessions.delivered("msg-1")


def test_an_event_reaches_its_subscribers(sessions: Shell) -> None:
    """`command` runs the data, `data` stores it; after unsubscribing nothing comes."""
    sessions.ok(
        """
        ts-ipc subscribe claude-manager deployment command
        ts-ipc subscribe claude-planka deployment data
        ts-ipc publish claude-blacklist deployment 'echo v1.2.3 deployed to production'
        """
    )
    sessions.sees("claude-manager", "\nv1.2.3 deployed to production")
    until((sessions.ipc / "claude-planka.data").exists, what="the data file")
    sessions.ok("ts-ipc unsubscribe claude-manager deployment; ts-ipc unsubscribe claude-planka deployment")
    ran = sessions.run("ts-ipc publish claude-blacklist deployment again")
    assert ran.status == 0
    assert ran.out == ""


def test_a_workflow_runs_in_order_across_sessions(sessions: Shell) -> None:
    """Each step in its session, in order, the run's outcome as the exit status."""
    sessions.ok(
        r"""
        ts-ipc workflow deploy-full \
          'claude-blacklist:npm run build' \
          'claude-blacklist:npm test' \
          'claude-manager:docker-compose pull' \
          'claude-manager:docker-compose up -d' \
          'claude-planka:echo "UI updated"'
        ts-ipc run deploy-full
        """
    )
    assert "npm did: run build" in sessions.tmux.screen("claude-blacklist")
    assert "npm did: test" in sessions.tmux.screen("claude-blacklist")
    assert "docker-compose did: up -d" in sessions.tmux.screen("claude-manager")
    assert "UI updated" in sessions.tmux.screen("claude-planka")


def test_a_workflow_stops_at_its_first_failure(sessions: Shell) -> None:
    """The exit status says so, and no later step has run."""
    sessions.ok("ts-ipc workflow w 'claude-blacklist:sh -c \"exit 3\"' 'claude-manager:echo never'")
    ran = sessions.run("ts-ipc run w")
    assert ran.status == 1
    assert "never" not in sessions.tmux.screen("claude-manager")


def test_the_cicd_example(sessions: Shell) -> None:
    """Eight steps over three sessions."""
    sessions.ok(
        r"""
        ts-ipc workflow cicd-pipeline \
          'claude-blacklist:git pull origin main' \
          'claude-blacklist:npm install' \
          'claude-blacklist:npm test' \
          'claude-blacklist:npm run build' \
          'claude-blacklist:docker build -t app:latest .' \
          'claude-manager:docker pull app:latest' \
          'claude-manager:docker-compose up -d app' \
          'claude-planka:curl https://app.jclee.me/health'
        ts-ipc run cicd-pipeline
        """
    )
    assert "curl did: https://app.jclee.me/health" in sessions.tmux.screen("claude-planka")


def test_health_checks_go_to_all(sessions: Shell) -> None:
    """The publisher may be any label."""
    sessions.ok(
        """
        ts-ipc subscribe claude-blacklist health_check command
        ts-ipc subscribe claude-manager health_check command
        ts-ipc subscribe claude-planka health_check command
        ts-ipc publish monitoring health_check 'curl localhost:3000/health'
        """
    )
    for name in ("blacklist", "manager", "planka"):
        sessions.sees(f"claude-{name}", "curl did: localhost:3000/health")


def test_the_queue_has_the_spec_s_shape(sessions: Shell) -> None:
    """Rule, title, rule, and three lines for each message."""
    sessions.ok(
        """ts-ipc send claude-blacklist claude-manager 'echo "Test message from blacklist"' command"""
    )
    sessions.delivered("msg-1")
    assert sessions.ok("ts-ipc queue").splitlines()[:6] == [
        RULE,
        "           Message Queue",
        RULE,
        "  ● claude-blacklist → claude-manager [delivered]",
        "    Type: command",
        '    Message: echo "Test message from blacklist"...',
    ]


def test_the_subscriptions_have_the_spec_s_shape(sessions: Shell) -> None:
    """One bullet for each session, one arrow for each event."""
    sessions.ok(
        "ts-ipc subscribe claude-manager deployment notify; ts-ipc subscribe claude-planka deployment"
    )
    assert sessions.ok("ts-ipc subscriptions").splitlines() == [
        RULE,
        "           Event Subscriptions",
        RULE,
        "  ● claude-manager",
        "    → deployment (notify)",
        "  ● claude-planka",
        "    → deployment (notify)",
    ]


def test_the_event_log_has_the_spec_s_shape(sessions: Shell) -> None:
    """Sent, delivered, published: one line each."""
    sessions.ok("ts-ipc send claude-blacklist claude-manager 'echo hi' command")
    sessions.delivered("msg-1")
    sessions.ok(
        "ts-ipc subscribe claude-manager deployment data; ts-ipc publish claude-blacklist deployment x"
    )
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"
    text = sessions.ok("ts-ipc events 20")
    assert re.search(
        rf"^{stamp} SEND claude-blacklist → claude-manager \[command\] msg-1$", text, re.MULTILINE
    )
    assert re.search(rf"^{stamp} DELIVER claude-manager \[command\] msg-1$", text, re.MULTILINE)
    assert re.search(
        rf"^{stamp} PUBLISH claude-blacklist \[deployment\] → claude-manager$", text, re.MULTILINE
    )
    assert (sessions.ipc / "events.log").read_text() == text


def test_a_pipeline_makes_its_subscription_and_workflow(sessions: Shell) -> None:
    """Build and test in the one, pull and deploy in the other; and it runs."""
    sessions.ok("ts-ipc pipeline claude-blacklist claude-safework")
    document = json.loads((sessions.ipc / "workflows/deploy-blacklist-to-safework.json").read_text())
    assert list(document) == ["name", "created", "steps"]
    assert [step["session"] for step in document["steps"]] == ["claude-blacklist"] * 2 + [
        "claude-safework"
    ] * 2
    table = json.loads((sessions.ipc / "subscriptions.json").read_text())
    assert table == {"subscriptions": {"claude-safework": [{"event": "deployment", "action": "notify"}]}}
    sessions.ok("ts-ipc run deploy-blacklist-to-safework")
    assert "docker-compose did: up -d" in sessions.tmux.screen("claude-safework")


def test_the_troubleshooting_lines_work(sessions: Shell) -> None:
    """The files are where the spec says, and jq reads them."""
    sessions.ok("ts-ipc workflow workflow-name 'claude-manager:ls'; ts-ipc subscribe session event notify")
    assert "workflow-name.json" in sessions.ok("ls ~/.config/ts/ipc/workflows/")
    assert sessions.ok("cat ~/.config/ts/ipc/workflows/workflow-name.json | jq -r .name") == "workflow-name\n"
    assert "session" in sessions.ok("jq . ~/.config/ts/ipc/subscriptions.json")
    sessions.ok("ts-ipc send a claude-manager 'echo x' command")
    until((sessions.ipc / "queue/msg-1.json").exists, what="the queue's file")
    assert sessions.ok("jq -r '.from, .to, .type' ~/.config/ts/ipc/queue/msg-1.json") == (
        "a\nclaude-manager\ncommand\n"
    )


def test_hand_edits_are_picked_up(sessions: Shell) -> None:
    """A subscription and a workflow written by hand work as if they had been made by a command."""
    sessions.ok("ts-ipc subscriptions")
    (sessions.ipc / "subscriptions.json").write_text(
        json.dumps({"subscriptions": {"claude-manager": [{"event": "edited", "action": "command"}]}})
    )
    sessions.ok("ts-ipc publish me edited 'echo by hand'")
    sessions.sees("claude-manager", "\nby hand")
    (sessions.ipc / "workflows/dropped.json").write_text(
        json.dumps(
            {
                "name": "dropped",
                "created": "2025-10-01T05:15:23+00:00",
                "steps": [{"session": "claude-planka", "command": "echo dropped in"}],
            }
        )
    )
    sessions.ok("ts-ipc run dropped")
    assert "dropped in" in sessions.tmux.screen("claude-planka")


def test_exit_statuses_tell_what_went_wrong(sessions: Shell) -> None:
    """Usage, unknown session, unreachable daemon: each its own, with a sentence on standard error."""
    assert sessions.run("ts-ipc send a").status == 2
    ran = sessions.run("ts-ipc send a claude-manage ls")
    assert ran.status == 6
    assert "claude-manager" in ran.err
    assert sessions.run("ts-ipc send a b '' command").status == 2
    sessions.ok("ts-ipc daemon stop")
    assert sessions.run("ts-ipc queue", TS_IPC_NO_START="1").status == 69


def test_nothing_acknowledged_is_lost_to_a_kill(sessions: Shell) -> None:
    """SIGKILL while messages wait: after the next command they are all there, and each runs once."""
    sessions.tmux.run("send-keys", "-t", "=claude-manager:", "sleep 1000", "Enter")
    until(
        lambda: (
            sessions.tmux.run("display-message", "-p", "-t", "=claude-manager:", "#{pane_current_command}")
            == "sleep\n"
        ),
        what="sleep in the foreground",
    )
    out = sessions.ok('for n in 1 2 3 4 5; do ts-ipc send me claude-manager "echo got-$n" command; done')
    assert out.split() == [f"msg-{n}" for n in range(1, 6)]
    pid = json.loads(sessions.ok("ts-ipc daemon status --json"))["pid"]
    sessions.ok(f"kill -9 {pid}")
    assert json.loads(sessions.ok("ts-ipc queue --json"))["waiting"] == 5
    sessions.tmux.run("send-keys", "-t", "=claude-manager:", "C-c")
    for n in range(1, 6):
        sessions.delivered(f"msg-{n}")
    screen = sessions.tmux.screen("claude-manager")
    for n in range(1, 6):
        assert len(re.findall(rf"^got-{n}$", screen, re.MULTILINE)) == 1


def test_a_broken_table_stops_only_who_needs_it(sessions: Shell) -> None:
    """Events are refused with the place of the mistake; messages go on, and the file is left as it is."""
    sessions.ok("ts-ipc subscriptions")
    table = sessions.ipc / "subscriptions.json"
    table.write_text('{"subscriptions": {"x": [}')
    ran = sessions.run("ts-ipc publish me event data")
    assert ran.status == 7
    assert "line 1, column 26" in ran.err
    assert sessions.run("ts-ipc subscribe claude-manager event").status == 7
    sessions.ok("ts-ipc send me claude-manager 'echo goes on' && ts-ipc queue")
    sessions.sees("claude-manager", "\ngoes on")
    assert table.read_text() == '{"subscriptions": {"x": [}'


def test_a_deleted_queue_folder_comes_back(sessions: Shell) -> None:
    """It is a view: the next messages make it again, whole."""
    for n in (1, 2):
        sessions.ok(f"ts-ipc send me claude-manager 'echo {n}'")
        until((sessions.ipc / f"queue/msg-{n}.json").exists, what="the queue's file")
    sessions.ok("rm -r ~/.config/ts/ipc/queue")
    sessions.ok("ts-ipc send me claude-manager 'echo 3'")
    until((sessions.ipc / "queue/msg-3.json").exists, what="the folder is made again")
    sessions.ok("ts-ipc send me claude-manager 'echo 4'")
    until((sessions.ipc / "queue/msg-1.json").exists, what="the other files")
