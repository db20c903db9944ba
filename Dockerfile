# One image for migrate, worker and api. Debian, not Alpine: Temporal's native core needs glibc.
FROM node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
WORKDIR /baton
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force
COPY . .
# The volume of the audit trail's heads is made from it, and so is the worker's user's.
RUN mkdir /anchors && chown node:node /anchors
USER node
ENTRYPOINT ["node", "cli/baton.mjs"]
CMD ["help"]
