using System.Text.RegularExpressions;
using Xunit;

namespace PostTrainGate.Tests;

/// <summary>What stands in the documents by hand: links lead somewhere, and counts are the catalog's.</summary>
public sealed partial class DocumentTests
{
    public static TheoryData<string> Documents =>
        [
            .. new[] { ".", "docs", "src", "samples" }
                .SelectMany(folder =>
                    Directory.EnumerateFiles(
                        Path.Combine(Fixtures.Repository, folder),
                        "*.md",
                        folder == "." ? SearchOption.TopDirectoryOnly : SearchOption.AllDirectories
                    )
                )
                .Select(file => Path.GetRelativePath(Fixtures.Repository, file))
                .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"))
                .Where(file => !file.Contains("posttraingate-report", StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];

    [Theory]
    [MemberData(nameof(Documents))]
    public void A_link_within_the_repository_leads_to_a_file_and_a_heading(string document)
    {
        var file = Path.Combine(Fixtures.Repository, document);
        var text = Code().Replace(File.ReadAllText(file), "");
        Assert.All(Link().Matches(text).Select(m => m.Groups[1].Value).Where(l => !l.Contains("://")), link =>
        {
            var (path, heading) = link.Split('#', 2) is [var before, var after] ? (before, after) : (link, null);
            var target = path.Length == 0 ? file : Path.Combine(Path.GetDirectoryName(file)!, path);
            Assert.True(File.Exists(target) || Directory.Exists(target), $"{link} does not exist");
            if (heading is not null)
                Assert.Contains(heading, Headings(File.ReadAllText(target)));
        });
    }

    [Fact]
    public void The_readme_counts_as_the_catalog_does()
    {
        var readme = File.ReadAllText(Path.Combine(Fixtures.Repository, "README.md"));
        var fairness = Catalog.Default.Metrics.SkipWhile(m => m.Name != "statistical_parity_difference").Count();
        Assert.Contains($" {Catalog.Default.Attacks.Length} attacks ", readme, StringComparison.Ordinal);
        Assert.Contains($" {Catalog.Default.Corruptions.Length} corruptions ", readme, StringComparison.Ordinal);
        Assert.Contains($" {fairness} [metrics]", readme, StringComparison.Ordinal);
        Assert.Contains($" {Catalog.Default.Rates.Length} [rates]", readme, StringComparison.Ordinal);
        Assert.All(Catalog.Default.Repairs, r => Assert.Contains(r.Name, readme, StringComparison.Ordinal));
    }

    [Fact]
    public void What_CI_runs_is_the_readmes_test_command()
    {
        var run = File.ReadAllText(Path.Combine(Fixtures.Repository, ".ci/run"));
        var command = TestCommand().Match(run).Value;
        Assert.NotEmpty(command);
        Assert.All(["README.md", "CONTRIBUTING.md"], document =>
            Assert.Contains(
                command,
                File.ReadAllText(Path.Combine(Fixtures.Repository, document)),
                StringComparison.Ordinal
            )
        );
    }

    // As GitHub makes them: lower case, punctuation left out, spaces to hyphens, and numbered where they repeat.
    private static List<string> Headings(string text)
    {
        var found = new List<string>();
        foreach (Match match in Heading().Matches(Code().Replace(text, "")))
        {
            var name = Punctuation().Replace(match.Groups[1].Value.ToLowerInvariant(), "").Replace(' ', '-');
            var repeated = found.Count(h => h == name || h.StartsWith($"{name}-", StringComparison.Ordinal));
            found.Add(found.Contains(name) ? $"{name}-{repeated}" : name);
        }

        return found;
    }

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Punctuation();

    [GeneratedRegex(@"dotnet test --solution \S+ -c Release")]
    private static partial Regex TestCommand();
}
