using System.Text.RegularExpressions;
using PostTrainGate.Tests.Cli;
using Xunit;

namespace PostTrainGate.Tests.GitHub;

// The action without a container, and both as a release has them.
public partial class ActionTests
{
    [Fact]
    public void The_action_without_a_container_is_the_same_to_its_users()
    {
        var (container, tool) = (Action(), Action(Composite));
        Assert.Equal(Texts(container["inputs"]), Texts(tool["inputs"]));
        var outputs = Texts(container["outputs"]);
        Assert.Equal(
            outputs.ToDictionary(o => o.Key, o => o.Value.Append($"value: ${{{{ steps.check.outputs.{o.Key} }}}}")),
            Texts(tool["outputs"]).ToDictionary(o => o.Key, o => o.Value)
        );

        // The runner hands every input of an action with a container to it as INPUT_NAME.
        var steps = (List<object>)((Dictionary<object, object>)tool["runs"])["steps"];
        var check = steps.Cast<Dictionary<object, object>>().Single(s => s.GetValueOrDefault("id") is "check");
        var variables = (Dictionary<object, object>)check["env"];
        Assert.Equal(
            Texts(container["inputs"])
                .Keys.ToDictionary(k => $"INPUT_{k.ToUpperInvariant()}", k => $"${{{{ inputs.{k} }}}}"),
            variables
                .Where(v => (string)v.Key != "POSTTRAINGATE_VERSION")
                .ToDictionary(v => (string)v.Key, v => (string)v.Value)
        );
        var call = Quoted().Replace((string)check["run"], m => (string)variables[m.Groups[1].Value]);
        var args = string.Join(' ', (List<object>)((Dictionary<object, object>)container["runs"])["args"]);
        Assert.Equal($"bash \"$GITHUB_ACTION_PATH/run.sh\" {args}", call.TrimEnd());
    }

    [Fact]
    public void The_actions_of_a_release_run_what_it_published()
    {
        using var folder = new TemporaryFolder();
        string[] files = ["action.yml", Composite, "eng/release-action.sh"];
        foreach (var file in files)
            folder.Write(file, File.ReadAllText(Path.Combine(Fixtures.Repository, file)));
        var repository = new GitFolder(folder.Root);
        var head = repository.Commit("release");
        var image = $"ghcr.io/octo/posttraingate@sha256:{new string('a', 64)}";
        Assert.Equal(1, Pin("1.2.3", "ghcr.io/octo/posttraingate:1.2.3").Code); // a tag moves
        Assert.Equal(1, Pin("latest", image).Code);
        var (code, output, error) = Pin("1.2.3", image);
        Assert.True(code == 0, error);
        var commit = output.Trim();

        Assert.Equal(commit, Pin("1.2.3", image).Output.Trim());
        Assert.Equal((head, ""), (repository.Head, repository.Git("status", "--porcelain")));
        Assert.Equal(head, repository.Git("rev-parse", $"{commit}^").Trim());
        Assert.Equal(
            ["action.yml", Composite],
            repository.Git("diff", "--name-only", head, commit).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        );
        repository.Git("checkout", "-q", commit);
        foreach (
            var (file, line) in ((string, string)[])
                [("action.yml", $"  image: docker://{image}"), (Composite, "        POSTTRAINGATE_VERSION: \"1.2.3\"")]
        )
        {
            Lint(folder.Path(file));
            Assert.Equal(
                [line],
                File.ReadLines(folder.Path(file)).Except(File.ReadLines(Path.Combine(Fixtures.Repository, file)))
            );
        }

        (int Code, string Output, string Error) Pin(string version, string image) =>
            Processes.Run("bash", [folder.Path("eng/release-action.sh"), version, image]);
    }

    // What is said of each name, such as "default: true".
    private static Dictionary<string, IEnumerable<string>> Texts(object names) =>
        ((Dictionary<object, object>)names).ToDictionary(
            n => (string)n.Key,
            n => ((Dictionary<object, object>)n.Value).Select(v => $"{v.Key}: {v.Value}")
        );

    [GeneratedRegex("\"\\$(INPUT_[A-Z]+)\"")]
    private static partial Regex Quoted();
}
