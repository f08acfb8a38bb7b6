using System.CommandLine;
using PostTrainGate.Cli.Base;
using PostTrainGate.Cli.GitHub;
using PostTrainGate.Cli.Output;
using PostTrainGate.Foundation;
using PostTrainGate.Models;
using PostTrainGate.Reading;
using Spectre.Console;

namespace PostTrainGate.Cli.Doctor;

/// <summary><c>posttraingate doctor</c>: whether what a check needs is there, and what to do where it is not.</summary>
internal sealed class DoctorCommand(CliHost host)
{
    /// <summary>The command.</summary>
    public static Command Command(CliHost host)
    {
        var path = new Argument<string>("policy")
        {
            Description = $"The policy, or a folder that contains {PolicyReader.FileName}.",
            DefaultValueFactory = _ => ".",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var command = new Command("doctor", "Checks what the gate needs on this machine.") { path };
        command.SetAction((parsed, cancel) => new DoctorCommand(host).RunAsync(parsed.GetValue(path) ?? ".", cancel));
        return command;
    }

    private async Task<int> RunAsync(string path, CancellationToken cancel)
    {
        var options = new CheckOptions { Path = path };
        Finding[] findings =
        [
            Try("engine", () => Engine(cancel)),
            await GitAsync(options.PolicyFile, cancel),
            Try("cache", Cache),
            Policy(options.PolicyFile),
            .. await GitHubAsync(cancel),
        ];
        var output = Terminal.Out(host);
        foreach (var finding in findings)
            output.Say(
                $"{(finding.IsGood ? "✓" : "✗")} {finding.What}: {finding.Text}",
                finding.IsGood ? Color.Green : Color.Red
            );
        return findings.All(f => f.IsGood) ? 0 : 1;
    }

    // Both engines run a model of one node, and must agree.
    private Finding Engine(CancellationToken cancel)
    {
        var file = Path.Combine(Path.GetTempPath(), $"posttraingate-{Path.GetRandomFileName()}.onnx");
        try
        {
            var model = new OnnxWriter([2]);
            model.Node("Relu", ["input"]);
            OnnxFile.Write(file, model.Build());
            return host.Inspect(file, cancel).Refusal is { } why
                ? new("engine", false, why)
                : new("engine", true, "libtorch and ONNX Runtime load, and agree on a model");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private async Task<Finding> GitAsync(string policy, CancellationToken cancel)
    {
        var root = Checkout.RootOf(policy, host.Variable("GITHUB_WORKSPACE"));
        if (root is null)
            return new("git", true, "no repository here; without one there is no base, and the policy here applies");
        return await new GitRepository(host, root).CommitAsync("HEAD", cancel) is { } head
            ? new("git", true, $"repository {root} at {head[..7]}")
            : new("git", false, $"git cannot read {root}; install git, and make a first commit");
    }

    private Finding Cache()
    {
        if (host.CacheFolder is not { } folder)
            return new("cache", true, "no folder; results are not reused");
        var file = Path.Combine(folder, $".doctor-{Path.GetRandomFileName()}");
        AtomicFile.WriteText(file, "");
        File.Delete(file);
        return new("cache", true, $"{folder} can be written");
    }

    private static Finding Policy(string file)
    {
        if (!File.Exists(file))
            return new("policy", false, $"there is no {file}; write one with 'posttraingate init MODEL DATA'");
        var (policy, wrong) = PolicyReader.Read(file);
        return policy is null
            ? new("policy", false, string.Join("; ", wrong.Where(d => d.Severity == Severity.Error)))
            : new("policy", true, $"{file} has {policy.Gates.Length} gates");
    }

    private async Task<IEnumerable<Finding>> GitHubAsync(CancellationToken cancel)
    {
        var actions = new ActionsEnvironment(host);
        if (actions.Token is null)
            return actions.IsActions ? [new("GitHub", false, "no token; set the action's input 'token'")] : [];
        if (GitHubApi.Open(host, host.CommentTime) is not { } api)
            return [new("GitHub", false, "GITHUB_REPOSITORY does not name the repository as owner/name")];
        try
        {
            var found = await api.AskAsync(_ => api.Client.Repository.Get(api.Owner, api.Name), cancel);
            return
            [
                new("GitHub", true, $"the token reads {found.FullName ?? $"{api.Owner}/{api.Name}"}"),
                Writes(found),
            ];
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            return
            [
                new(
                    "GitHub",
                    false,
                    $"the token cannot read {api.Owner}/{api.Name} ({GitHubApi.Why(e)}); "
                        + "the job needs 'permissions: contents: read'"
                ),
            ];
        }
    }

    // GitHub tells of a user's rights; a token of Actions shows its own only where it is used.
    private static Finding Writes(Octokit.Repository repository) =>
        repository.Permissions is { Push: true }
            ? new("permissions", true, "the token may write contents")
            : new(
                "permissions",
                true,
                "it is not known whether the token may write; a comment needs 'pull-requests: write', "
                    + "'--fix commit' needs 'contents: write'"
            );

    private static Finding Try(string what, Func<Finding> look)
    {
        try
        {
            return look();
        }
        catch (GateException wrong)
        {
            return new(what, false, string.Join("; ", wrong.Diagnostics.Select(d => d.Message)));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new(what, false, $"{e.GetType().Name}: {e.Message.Split('\n')[0].TrimEnd()}");
        }
    }

    private sealed record Finding(string What, bool IsGood, string Text);
}
