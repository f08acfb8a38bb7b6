using Xunit;

namespace PostTrainGate.Packages.Tests;

/// <summary>What the action without a container runs, as the runner runs it.</summary>
public class ActionTests(Packages packages)
{
    [Fact]
    public async Task The_action_fetches_the_tool_of_its_version_and_checks()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "its bash may be that of another system");
        var app = new ConsumerProject(packages, "Action", reference: null).WithGate();
        app.UseFeed(app.File("a-strangers-packages")); // a pull request's: nobody asks it
        app.Write("global.json", """{ "sdk": { "version": "99.0.100" } }""");
        var runner = new ConsumerProject(packages, "Runner", reference: null);
        runner.Write("output", "");
        runner.Write("event.json", """{"repository":{"default_branch":"main"}}""");
        foreach (
            var step in (string[][])
                [
                    ["init", "-q", "-b", "main"],
                    ["add", "-A"],
                    ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "all"],
                ]
        )
            Assert.Equal(0, (await packages.RunAsync("Action-git", app.Folder, "git", step)).ExitCode);

        for (var run = 1; run <= 2; run++)
        {
            var (code, output) = await packages.RunAsync(
                $"Action-{run}",
                app.Folder,
                "bash",
                [
                    Path.Combine(Packages.Repository, "eng/action/run.sh"),
                    "check",
                    ".",
                    "--format=github",
                    "--repair=true",
                    "--full=false",
                    "--base=event",
                    "--comment=always",
                    "--fix=artifact",
                    "--history-branch=none",
                    "--verbosity=normal",
                ],
                environment: new Dictionary<string, string>
                {
                    ["POSTTRAINGATE_VERSION"] = packages.Version,
                    ["RUNNER_TEMP"] = runner.Folder,
                    ["GITHUB_ACTIONS"] = "true",
                    ["GITHUB_WORKSPACE"] = app.Folder,
                    ["GITHUB_EVENT_NAME"] = "workflow_dispatch",
                    ["GITHUB_EVENT_PATH"] = runner.File("event.json"),
                    ["GITHUB_REPOSITORY"] = "octo/models",
                    ["GITHUB_OUTPUT"] = runner.File("output"),
                    ["GITHUB_STEP_SUMMARY"] = runner.File("summary"),
                    ["INPUT_TOKEN"] = "",
                    ["INPUT_ID"] = "",
                }
            );
            Assert.True(code == 1, output);
            Assert.Contains(
                $"::error file=posttraingate.yml,line={ConsumerProject.GateLine},col={ConsumerProject.GateColumn},"
                    + "title=PostTrainGate PTG4001::accuracy is 0.000",
                output,
                StringComparison.Ordinal
            );
            Assert.Equal(run == 1, output.Contains("Fetch PostTrainGate", StringComparison.Ordinal));
        }

        var outputs = File.ReadAllText(runner.File("output"));
        Assert.Contains("\nfailed\n", outputs, StringComparison.Ordinal);
        Assert.Contains("\nposttraingate-report\n", outputs, StringComparison.Ordinal);
        Assert.Contains("accuracy", File.ReadAllText(runner.File("summary")), StringComparison.Ordinal);
    }
}
