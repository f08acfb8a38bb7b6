using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using Xunit;

namespace PostTrainGate.Tests;

public sealed class PolicyDiagnosticsTests : IDisposable
{
    private readonly PolicyFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_table_has_the_lines_that_the_reader_reports() =>
        Generated.Same("tests/PostTrainGate.Tests/Policy/policies.txt", table =>
            PolicyCases.WithLines(table, yaml => _folder.Read(yaml).Diagnostics.Select(Line))
        );

    [Theory]
    [MemberData(nameof(PolicyCases.Names), MemberType = typeof(PolicyCases))]
    public void Everything_wrong_is_reported_at_once_with_its_place(string name)
    {
        var wanted = PolicyCases.Find(name);
        var (policy, diagnostics) = _folder.Read(wanted.Yaml);
        Assert.Equal(wanted.Expected, diagnostics.Select(Line));
        Assert.Equal(wanted.Expected.IsEmpty, policy is not null);
    }

    [Theory]
    [MemberData(nameof(PolicyCases.Names), MemberType = typeof(PolicyCases))]
    public void Every_message_is_one_plain_sentence(string name) =>
        Assert.All(_folder.Read(PolicyCases.Find(name).Yaml).Diagnostics, d =>
        {
            Assert.Matches(@"^['A-Z0-9].{10,400}[.?]$", d.Message);
            Assert.DoesNotContain(
                ". ",
                d.Message.Replace("...", "", StringComparison.Ordinal),
                StringComparison.Ordinal
            );
            Assert.DoesNotContain("  ", d.Message, StringComparison.Ordinal);
        });

    [Fact]
    public void The_example_policy_is_read_but_for_the_names_and_files_that_are_not_there()
    {
        var yaml = File.ReadAllText(Fixtures.Path("policy-example.yml"));
        Directory.CreateDirectory(_folder.In("models/history"));
        var (policy, diagnostics) = _folder.Read(yaml);
        Assert.Equal(
            ["25,32 PTG1010 There is no attack 'autoattack'; this version has fgsm, pgd, cw and table_pgd."],
            diagnostics.Select(Line)
        );
        Assert.Null(policy);

        var read = _folder.Read(yaml.Replace("autoattack", "pgd", StringComparison.Ordinal));
        Assert.Empty(read.Diagnostics);
        Assert.Equal((7, 0.95, 0.02), (read.Policy!.Seed, read.Policy.Confidence, read.Policy.Repair!.MaxAccuracyDrop));
        Assert.Equal(new SplitPolicy(0.5, 0.2, 0.3, read.Policy.Data.Splits.Position), read.Policy.Data.Splits);
        Assert.Equal(
            ["json", "markdown", "html", "junit", "sarif", "badge"],
            read.Policy.Report.Writers.Select(w => w.Name)
        );
        Assert.Equal(
            [
                "accuracy",
                "statistical_parity_difference",
                "equalized_odds_difference",
                "robust_accuracy",
                "robust_accuracy",
            ],
            read.Policy.Gates.Select(g => g.Metric.Name)
        );
    }

    [Fact]
    public void A_flood_of_faults_is_cut_and_counted()
    {
        var flood = string.Join('\n', Enumerable.Range(0, 500).Select(i => $"unknown{i}: 1"));
        var diagnostics = _folder.Read($"{PolicyFolder.Minimal}\n{flood}").Diagnostics;
        Assert.Equal(101, diagnostics.Length);
        Assert.Equal("106,1 PTG1004 400 more from here on; fix those above first.", Line(diagnostics[^1]));
    }

    private static string Line(Diagnostic d) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{d.Position!.Value.Line},{d.Position.Value.Column} {d.Code} {d.Message}"
        );
}
