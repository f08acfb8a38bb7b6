using PostTrainGate.Foundation;
using PostTrainGate.Reading;
using Xunit;

namespace PostTrainGate.Tests;

public sealed class PolicyPathTests : IDisposable
{
    private readonly PolicyFolder _folder = new();
    private readonly string _outside = Path.Combine(Path.GetTempPath(), $"posttraingate-outside-{Guid.NewGuid():N}");

    public PolicyPathTests()
    {
        Directory.CreateDirectory(_outside);
        File.WriteAllText(Path.Combine(_outside, "secret.csv"), "secret");
        File.WriteAllText(Path.Combine(_outside, "secret.onnx"), "secret");
    }

    public void Dispose()
    {
        _folder.Dispose();
        Directory.Delete(_outside, recursive: true);
    }

    [Fact]
    public void A_link_to_a_file_outside_is_refused()
    {
        File.CreateSymbolicLink(_folder.In("models/link.onnx"), Path.Combine(_outside, "secret.onnx"));
        Refused(
            "models/credit.onnx",
            "models/link.onnx",
            "'model' is 'models/link.onnx', which a symbolic link takes out"
        );
    }

    [Fact]
    public void A_link_to_a_folder_outside_is_refused_and_not_listed()
    {
        Directory.CreateSymbolicLink(_folder.In("models/out"), _outside);
        Refused(
            "models/credit.onnx",
            "models/out/secret.onnx",
            "'model' is 'models/out/secret.onnx', which a symbolic link"
        );
        Refused("data/german.csv", "models/out/*.csv", "'source' is 'models/out', which a symbolic link");
        Refused("data/german.csv", "models/*/secret.csv", "'source' is 'models/out', which a symbolic link");
        Refused(
            "models/credit.onnx",
            "models/out/nothing.onnx",
            "'model' is 'models/out/nothing.onnx', which a symbolic link"
        );
    }

    [Fact]
    public void A_relative_link_that_climbs_out_is_refused()
    {
        File.CreateSymbolicLink(_folder.In("models/link.onnx"), "../../" + Path.GetFileName(_outside) + "/secret.onnx");
        Refused("models/credit.onnx", "models/link.onnx", "which a symbolic link takes out");
    }

    [Fact]
    public void A_chain_of_links_is_followed_to_its_end()
    {
        Directory.CreateSymbolicLink(_folder.In("a"), "b");
        Directory.CreateSymbolicLink(_folder.In("b"), _outside);
        Refused("models/credit.onnx", "a/secret.onnx", "which a symbolic link takes out");
    }

    [Fact]
    public void A_pattern_that_matches_a_link_to_the_outside_is_refused()
    {
        File.CreateSymbolicLink(_folder.In("data/part-2.csv"), Path.Combine(_outside, "secret.csv"));
        Refused("data/german.csv", "data/*.csv", "'source' is 'data/part-2.csv', which a symbolic link takes out");
    }

    [Fact]
    public void Output_through_a_link_is_refused()
    {
        Directory.CreateSymbolicLink(_folder.In("out"), _outside);
        var found = _folder
            .Read(PolicyFolder.Minimal + "\nrepair: { output: out/new.onnx }\nreport: { folder: out }")
            .Diagnostics;
        Assert.Equal([DiagnosticCodes.PolicyPath, DiagnosticCodes.PolicyPath], found.Select(d => d.Code));
    }

    [Fact]
    public void Links_that_go_round_are_refused()
    {
        File.CreateSymbolicLink(_folder.In("models/a.onnx"), "b.onnx");
        File.CreateSymbolicLink(_folder.In("models/b.onnx"), "a.onnx");
        Refused("models/credit.onnx", "models/a.onnx", "which a symbolic link takes out");
    }

    [Fact]
    public void A_link_that_stays_inside_is_fine()
    {
        File.CreateSymbolicLink(_folder.In("models/latest.onnx"), "history/epoch-2.onnx");
        Directory.CreateSymbolicLink(_folder.In("current"), "models");
        Assert.Empty(_folder.Read(WithModel("models/latest.onnx")).Diagnostics);
        Assert.Empty(_folder.Read(WithModel("current/credit.onnx")).Diagnostics);
        Assert.Empty(_folder.Read(WithModel("models/history/../credit.onnx")).Diagnostics);
    }

    [Fact]
    public void A_policy_whose_own_folder_is_behind_a_link_reads_its_files()
    {
        _folder.Read(PolicyFolder.Minimal);
        var link = _folder.Folder + "-link";
        Directory.CreateSymbolicLink(link, _folder.Folder);
        try
        {
            Assert.Empty(PolicyReader.Read(link, PolicyFolder.Names).Diagnostics);
        }
        finally
        {
            Directory.Delete(link);
        }
    }

    [Theory]
    [InlineData("data/*.csv", "data/german.csv", "data/part-1.csv")]
    [InlineData("data/part-?.csv", "data/part-1.csv")]
    [InlineData("**/*.csv", "data/german.csv", "data/part-1.csv", "deep/er/x.csv", "top.csv")]
    [InlineData("d*/**/*.csv", "data/german.csv", "data/part-1.csv", "deep/er/x.csv")]
    [InlineData("deep/**", "deep/er/x.csv")]
    [InlineData("./data/../top.csv", "top.csv")]
    public void A_pattern_stands_for_its_files_in_order(string pattern, params string[] files)
    {
        Directory.CreateDirectory(_folder.In("deep/er"));
        File.WriteAllText(_folder.In("deep/er/x.csv"), "");
        File.WriteAllText(_folder.In("top.csv"), "");
        File.WriteAllText(_folder.In("data/.hidden.csv"), "");
        var (policy, diagnostics) = _folder.Read(WithSource($"'{pattern}'"));
        Assert.Empty(diagnostics);
        Assert.Equal(files.Select(_folder.In), policy!.Data.Source.Files);
        Assert.Equal(pattern, policy.Data.Source.Text);
    }

    [Fact]
    public void A_pattern_that_goes_deep_leaves_links_and_hidden_folders_alone()
    {
        Directory.CreateSymbolicLink(_folder.In("data/out"), _outside);
        Directory.CreateSymbolicLink(_folder.In("data/again"), "..");
        Directory.CreateDirectory(_folder.In(".git"));
        File.WriteAllText(_folder.In(".git/x.csv"), "");
        var (policy, diagnostics) = _folder.Read(WithSource("'**/*.csv'"));
        Assert.Empty(diagnostics);
        Assert.Equal([_folder.In("data/german.csv"), _folder.In("data/part-1.csv")], policy!.Data.Source.Files);
    }

    [Fact]
    public void A_pattern_for_too_many_files_is_refused()
    {
        for (var i = 0; i <= 10_000; i++)
            File.Create(_folder.In($"data/{i}.csv")).Dispose();
        var found = Assert.Single(_folder.Read(WithSource("data/*.csv")).Diagnostics);
        Assert.Equal("'source' is 'data/*.csv', which matches too many files; narrow it.", found.Message);
    }

    private static string WithModel(string path) =>
        PolicyFolder.Minimal.Replace("models/credit.onnx", path, StringComparison.Ordinal);

    private static string WithSource(string path) =>
        PolicyFolder.Minimal.Replace("data/german.csv", path, StringComparison.Ordinal);

    private void Refused(string old, string path, string message)
    {
        var found = Assert.Single(
            _folder.Read(PolicyFolder.Minimal.Replace(old, path, StringComparison.Ordinal)).Diagnostics
        );
        Assert.Equal(DiagnosticCodes.PolicyPath, found.Code);
        Assert.Contains(message, found.Message, StringComparison.Ordinal);
    }
}
