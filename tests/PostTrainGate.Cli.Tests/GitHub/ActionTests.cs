using System.Text.RegularExpressions;
using PostTrainGate.Cli;
using PostTrainGate.Gating;
using PostTrainGate.Tests.Cli;
using PostTrainGate.Tests.Reporting;
using Xunit;
using YamlDotNet.Serialization;

namespace PostTrainGate.Tests.GitHub;

public partial class ActionTests
{
    private const string Composite = "eng/action/action.yml";

    public static TheoryData<string> Workflows =>
        [
            .. Directory
                .EnumerateFiles(Path.Combine(Fixtures.Repository, ".github/workflows"))
                .Select(file => Path.GetFileName(file))
                .Order(StringComparer.Ordinal),
        ];

    [Theory]
    [InlineData("action.yml")]
    [InlineData(Composite)]
    public void An_action_is_valid(string file) => Lint(Path.Combine(Fixtures.Repository, file));

    [Theory]
    [MemberData(nameof(Workflows))]
    public void A_workflow_is_valid(string file) => Lint(Path.Combine(Fixtures.Repository, ".github/workflows", file));

    [Fact]
    public void What_is_watched_for_new_versions_is_there()
    {
        var file = File.ReadAllText(Path.Combine(Fixtures.Repository, ".github/dependabot.yml"));
        var watched = ((List<object>)Yaml(file)["updates"]).Cast<Dictionary<object, object>>().ToList();
        Assert.Equal(
            ["docker", "github-actions", "npm", "nuget"],
            watched.Select(w => (string)w["package-ecosystem"]).Order(StringComparer.Ordinal)
        );
        Assert.All(watched, w =>
        {
            var manifest = (string)w["package-ecosystem"] switch
            {
                "docker" => "Dockerfile",
                "github-actions" => ".github/workflows/ci.yml",
                "npm" => "package.json",
                _ => "Directory.Packages.props",
            };
            var folder = ((string)w["directory"]).TrimStart('/');
            Assert.True(File.Exists(Path.Combine(Fixtures.Repository, folder, manifest)), manifest);
        });
    }

    [Theory]
    [InlineData("Unreleased", 0)]
    [InlineData("0.0.99", 1)]
    public void Release_notes_are_a_section_of_the_changelog(string version, int expected)
    {
        var script = Path.Combine(Fixtures.Repository, "eng/release-notes.sh");
        var (code, output, error) = Processes.Run("bash", [script, version]);
        Assert.True(code == expected, output + error);
        Assert.Equal(expected == 0, output.StartsWith("\n### Added\n", StringComparison.Ordinal));
    }

    [Fact]
    public void The_image_file_is_clean() =>
        Clean("dockerfilelint/bin/dockerfilelint", Path.Combine(Fixtures.Repository, "Dockerfile"));

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
                ["fix"] = "artifact",
                ["history"] = "none",
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

    private static void Lint(string file)
    {
        Contract.Module("@actions/languageservice/package.json");
        Clean("../lint-workflows.mjs", file);
    }

    private static void Clean(string tool, string file)
    {
        var (code, output, error) = Processes.Run("node", [Contract.Module(tool), file]);
        Assert.True(code == 0, output + error);
    }

    internal static string[] Arguments(Dictionary<string, string> inputs)
    {
        // These two come through the environment.
        var declared = ((Dictionary<object, object>)Action()["inputs"])
            .Keys.Cast<string>()
            .Except(["token", "id"])
            .Order();
        Assert.Equal(inputs.Keys.Order(), declared);
        var args = (List<object>)((Dictionary<object, object>)Action()["runs"])["args"];
        return [.. args.Select(a => Input().Replace((string)a, m => inputs[m.Groups[1].Value]))];
    }

    private static Dictionary<object, object> Action(string file = "action.yml") =>
        Yaml(File.ReadAllText(Path.Combine(Fixtures.Repository, file)));

    private static Dictionary<object, object> Yaml(string text) =>
        new DeserializerBuilder().Build().Deserialize<Dictionary<object, object>>(text);

    [GeneratedRegex(@"\$\{\{ inputs\.([a-z]+) \}\}")]
    private static partial Regex Input();
}
