import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;

/**
 * One Elasticsearch node (8.19 to 9.2) on 127.0.0.1, embedded: `EsNode HOME NETTY_JAR [setting=value]...`. It says READY and its
 * address, and ends when its standard input does. Must be started from source: the module `root` is made of its own class files.
 */
public class EsNode {
  public static void main(String[] args) throws Exception {
    Path home = Path.of(args[0]).toAbsolutePath();
    Path netty = Path.of(args[1]).toAbsolutePath();
    String version = netty.getFileName().toString().replaceAll("^transport-netty4-|\\.jar$", "");
    Files.createDirectories(home.resolve("config"));
    module(home, "transport-netty4", "org.elasticsearch.transport.netty4.Netty4Plugin", version, netty);
    module(home, "root", "EsNode$RootPlugin", version, ownJar(home));
    Settings.Builder settings = Settings.builder()
      .put("path.home", home).put("cluster.name", "test").put("node.name", "test").put("discovery.type", "single-node")
      .put("network.host", "127.0.0.1").put("http.port", 0).put("transport.port", 0)
      .put("cluster.routing.allocation.disk.threshold_enabled", false);
    for (int i = 2; i < args.length; i++) {
      String[] pair = args[i].split("=", 2);
      settings.put(pair[0], pair[1]);
    }
    LogConfigurator.configureESLogging();
    LogConfigurator.configureWithoutConfig(settings.build());
    var environment = InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), null, () -> "test");
    var bundles = PluginsLoader.loadModulesBundles(environment.modulesDir());
    var node = new Node(environment, PluginsLoader.createPluginsLoader(bundles, Set.of(), Map.of(), false));
    node.start();
    var http = node.injector().getInstance(HttpServerTransport.class);
    System.out.println("READY " + http.boundAddress().publishAddress());
    while (System.in.read() >= 0) {}
    node.close();
    System.exit(0);
  }

  private static void module(Path home, String name, String plugin, String version, Path jar) throws Exception {
    Path directory = Files.createDirectories(home.resolve("modules").resolve(name));
    Files.copy(jar, directory.resolve(name + ".jar"), StandardCopyOption.REPLACE_EXISTING);
    Files.writeString(directory.resolve("plugin-descriptor.properties"), String.join("\n",
      "name=" + name, "description=" + name, "version=" + version, "elasticsearch.version=" + version,
      "java.version=17", "classname=" + plugin, ""));
  }

  private static Path ownJar(Path home) throws Exception {
    Path jar = home.resolve("root.jar");
    try (var out = new JarOutputStream(Files.newOutputStream(jar))) {
      for (String name : List.of("EsNode.class", "EsNode$RootPlugin.class", "EsNode$RootHandler.class")) {
        out.putNextEntry(new JarEntry(name));
        try (var in = EsNode.class.getClassLoader().getResourceAsStream(name)) {
          in.transferTo(out);
        }
      }
    }
    return jar;
  }

  /** Answers `GET /`, whose own module is not published. */
  public static class RootPlugin extends Plugin implements ActionPlugin {
    @Override
    public Collection<RestHandler> getRestHandlers(Settings settings,
        org.elasticsearch.common.io.stream.NamedWriteableRegistry registry,
        org.elasticsearch.rest.RestController controller,
        org.elasticsearch.common.settings.ClusterSettings clusterSettings,
        org.elasticsearch.common.settings.IndexScopedSettings indexSettings,
        org.elasticsearch.common.settings.SettingsFilter filter,
        org.elasticsearch.cluster.metadata.IndexNameExpressionResolver resolver,
        java.util.function.Supplier<org.elasticsearch.cluster.node.DiscoveryNodes> nodes,
        java.util.function.Predicate<org.elasticsearch.features.NodeFeature> features) {
      return List.of(new RootHandler());
    }
  }

  static class RootHandler implements RestHandler {
    @Override
    public List<Route> routes() {
      return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
    }

    @Override
    public void handleRequest(RestRequest request, RestChannel channel,
        org.elasticsearch.client.internal.node.NodeClient client) {
      channel.sendResponse(new RestResponse(RestStatus.OK, "application/json",
        "{\"cluster_name\":\"test\",\"version\":{\"number\":\"" + org.elasticsearch.Build.current().version()
        + "\"},\"tagline\":\"You Know, for Search\"}"));
    }
  }
}
