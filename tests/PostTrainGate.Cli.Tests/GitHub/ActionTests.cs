using System.Text.RegularExpressions;
using PostTrainGate.Cli;
using PostTrainGate.Tests.Cli;
using PostTrainGate.Tests.Reporting;
using Xunit;
using YamlDotNet.Serialization;

namespace PostTrainGate.Tests.GitHub;

public partial class ActionTests
{
    [Theory]
    [InlineData("action.yml")]
    [InlineData(".github/workflows/ci.yml")]
    public void The_action_and_the_workflow_are_valid(string file)
    {
        var (code, output, error) = Processes.Run(
            "node",
            [Contract.Module("@action-validator/cli/cli.mjs"), Path.Combine(Fixtures.Repository, file)]
        );
        Assert.True(code == 0, output + error);
    }

    [Fact]
    public void The_image_file_is_clean()
    {
        var (code, output, error) = Processes.Run(
            "node",
            [Contract.Module("dockerfilelint/bin/dockerfilelint"), Path.Combine(Fixtures.Repository, "Dockerfile")]
        );
        Assert.True(code == 0, output + error);
    }

    [Theory]
    [InlineData("true", "always", "false")]
    [InlineData("false", "never", "true")]
    public async Task The_command_line_takes_what_the_action_gives_it(string repair, string comment, string full)
    {
        using var place = new Workplace();
        GateOptions? seen = null;
        var args = Arguments(
            new()
            {
                ["policy"] = place.Folder.Root,
                ["repair"] = repair,
                ["full"] = full,
                ["comment"] = comment,
                ["base"] = "event",
                ["verbosity"] = "normal",
            }
        );
        // As inside Actions, where a run for no pull request is held against its own line of commits.
        var repository = new GitFolder(place.Folder.Root);
        place.Folder.Write("event.json", """{"repository":{"default_branch":"main"}}""");
        repository.Commit("all");
        (
            place.Variables["GITHUB_ACTIONS"],
            place.Variables["GITHUB_EVENT_NAME"],
            place.Variables["GITHUB_EVENT_PATH"]
        ) = ("true", "workflow_dispatch", place.Folder.Path("event.json"));
        var host = place.Host with
        {
            Run = (_, options, _, _) =>
            {
                seen = options;
                return SampleResults.Passed;
            },
        };
        Assert.Equal(0, await CommandLine.RunAsync(args, host, TestContext.Current.CancellationToken));
        Assert.Equal((repair == "true", full == "true"), (seen!.Repair, seen.Full));
    }

    [Fact]
    public async Task Every_output_that_the_action_promises_is_set()
    {
        using var place = new Workplace();
        using var github = new FakeGitHub();
        place.Host = github.Host(place.Folder);
        await place.RunAsync(SampleResults.Passed);
        Assert.Equal(
            ((Dictionary<object, object>)Action()["outputs"]).Keys.Cast<string>().Order(),
            Outputs.Parse(File.ReadAllText(place.Folder.Path("output.txt"))).Keys.Order()
        );
    }

    private static string[] Arguments(Dictionary<string, string> inputs)
    {
        var declared = ((Dictionary<object, object>)Action()["inputs"]).Keys.Cast<string>().Except(["token"]).Order();
        Assert.Equal(inputs.Keys.Order(), declared);
        var args = (List<object>)((Dictionary<object, object>)Action()["runs"])["args"];
        return [.. args.Select(a => Input().Replace((string)a, m => inputs[m.Groups[1].Value]))];
    }

    private static Dictionary<object, object> Action() =>
        new DeserializerBuilder()
            .Build()
            .Deserialize<Dictionary<object, object>>(File.ReadAllText(Path.Combine(Fixtures.Repository, "action.yml")));

    [GeneratedRegex(@"\$\{\{ inputs\.([a-z]+) \}\}")]
    private static partial Regex Input();
}
